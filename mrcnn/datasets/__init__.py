"""From files to images and masks: data sets on disk, and a look at what is in them."""
