"""What a system remembers: entries, the policy that keeps or drops them, and a walker over memories of any shape."""
