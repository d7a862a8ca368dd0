def folded(conv1, bn1, conv2, bn2):
    """Return one 5×5 convolution that equals bn2(conv2(bn1(conv1(X)))) in eval mode."""

    # answer
    def convolution(weight, bias):
        layer = nn.Conv2d(weight.shape[1], weight.shape[0], kernel_size=weight.shape[2], dtype=weight.dtype)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        return layer

    def with_norm(conv, bn):
        factor = bn.weight / (bn.running_var + bn.eps).sqrt()
        return convolution(conv.weight * factor[:, None, None, None], (conv.bias - bn.running_mean) * factor + bn.bias)

    return convolution(*compose(with_norm(conv1, bn1), with_norm(conv2, bn2)))
    # end of answer
