"""Masks in the forms that other programs and people want."""
