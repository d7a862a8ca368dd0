def resized_in_two_steps(images, height, width):
    # answer
    old_height = images.shape[2]
    wide = F.interpolate(images.float(), (old_height, width), mode="bilinear", antialias=True).round()
    return F.interpolate(wide, (height, width), mode="bilinear", antialias=True).round()
    # end of answer
