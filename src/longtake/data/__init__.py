"""Training and benchmark data: data sets in the layouts of the field, still images, clips, augmentation."""
