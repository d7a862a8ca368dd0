# (channels, height, width) after the stem, stage 1, stage 2, stage 3, stage 4
photo_maps = [(64, 25, 38), (64, 25, 38), (128, 13, 19), (256, 7, 10), (512, 4, 5)]  # answer
