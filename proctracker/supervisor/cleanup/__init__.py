"""What ended jobs leave behind."""
