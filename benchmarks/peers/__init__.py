"""What Pouch is compared with; each file is a script that runs as a whole process."""
