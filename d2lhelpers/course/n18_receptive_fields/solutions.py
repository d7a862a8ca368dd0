# Exercise 18.1

small_stem_field = 3 + 4 * 2 + (2 * 1 + 6 * 2) + (2 * 2 + 6 * 4) + (2 * 4 + 6 * 8)  # answer
small_stem_jump = 2 * 2 * 2  # answer
small_stem_last_side = 4  # answer
small_stem_idle = 0  # answer
# answer
# The last maps are 4×4, not 1×1. A 3×3 window whose middle visits 16 positions has each of its nine places over a
# pixel at one of them at least, so every weight gets a gradient. What counts is the side of the maps, and nothing else.
my_reason = "b"
# end of answer


# Exercise 18.2

def pixels_seen(windows, side, i):
    # answer
    field, jump, reach = receptive_fields(windows)[-1]
    first = jump * i - reach  # may lie outside of the image, as may the last one
    return max(0, first), min(side - 1, first + field - 1)
    # end of answer


# Exercise 18.3

def field_with_dilation(windows):
    # answer
    field, jump = 1, 1
    for kernel_size, stride, dilation in windows:
        field += (kernel_size - 1) * dilation * jump
        jump *= stride
    return field
    # end of answer


dilated_field = 15  # answer
