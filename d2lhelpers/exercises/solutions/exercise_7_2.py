def gradient_in_parts(net, X, y, parts):
    """Return the gradient of the mean loss of a batch, computed part by part, as one long vector."""
    # answer
    # (Batch norm in training mode would use each part's own mean and variance: another net, another gradient.)
    net.zero_grad()
    size = len(y) // parts
    for X_part, y_part in zip(X.split(size), y.split(size)):
        (F.cross_entropy(net(X_part), y_part) / parts).backward()  # each mean is over one part of the images
    return torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    # end of answer
