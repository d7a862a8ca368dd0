def copy_by_shortcut(block):
    # answer
    for parameter in (block.bn2.weight, block.bn2.bias, block.conv3.weight, block.conv3.bias):
        nn.init.zeros_(parameter)  # F is silent now, in both modes, and the shortcut empty
    with torch.no_grad():
        for channel in range(8):
            block.conv3.weight[channel, channel] = 1
    return block
    # end of answer


share_ignored = 3 / 4  # answer
# answer
what_is_lost = (
    "A silent block depends on one of four pixels only: the shortcut steps over the other three, in every channel. "
    "A shallow net whose scores depend on those cannot be equalled like this. F could bring some of them back, "
    "but then it is not zero, and no longer the cheap identity. Within a stage the nets are nested at zero; "
    "from stage to stage they are not."
)
# end of answer
