def adds_its_input(block, X):
    """Return whether `block` adds its input to what leaves `bn2`, with the ReLU after the sum."""
    # answer
    from copy import deepcopy

    copy = deepcopy(block)
    nn.init.zeros_(copy.bn2.weight)
    nn.init.zeros_(copy.bn2.bias)
    return torch.equal(copy(X), F.relu(X))
    # end of answer
