def accuracy_per_class(net, data_iter):
    """Return ten shares: of the images of each class, how many does the net classify correctly?"""
    # answer
    metric = d2l.Accumulator(20)  # correct predictions in each class, then images in each class
    modes = {module: module.training for module in net.modules()}
    net.eval()
    with torch.no_grad():
        for X, y in data_iter:
            correct = y[net(X).argmax(dim=1) == y]  # the labels of the images that were classified correctly
            metric.add(*torch.bincount(correct, minlength=10), *torch.bincount(y, minlength=10))
    for module, mode in modes.items():
        module.training = mode
    return [metric[k] / metric[10 + k] for k in range(10)]
    # end of answer
