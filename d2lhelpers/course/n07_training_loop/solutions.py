# Exercise 7.1

true_accuracy = (90 + 1) / (100 + 10)  # answer
mean_of_shares = (90 / 100 + 1 / 10) / 2  # answer


# Exercise 7.2

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


# Exercise 7.3

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


# Exercise 7.4

def repair_statistics(net, data_iter):
    """Return a copy of the net whose running statistics have seen the batches of data_iter."""
    # answer
    repaired = copy.deepcopy(net).train()
    with torch.no_grad():
        for X, _ in data_iter:
            repaired(X)  # the scores are not needed; the forward pass moves the statistics
    for module, original in zip(repaired.modules(), net.modules()):
        module.training = original.training
    return repaired
    # end of answer


# Exercise 7.5

def warm_up_schedule(optimizer, num_batches):
    """Return a scheduler that raises the rate from 0 over a tenth of the batches, then lowers it to 0."""
    # answer
    top = num_batches // 10  # the batch with the highest rate

    def factor(t):
        return t / top if t < top else (num_batches - t) / (num_batches - top)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    # end of answer


# Exercise 7.6

def fixed_loop(net, train_iter, test_iter, optimizer, scheduler, num_epochs):
    """Train the net; return its test accuracy after each epoch."""
    # answer
    test_accuracies = []
    for _ in range(num_epochs):
        net.train()  # in each epoch: the evaluation below leaves the net in eval mode
        for X, y in train_iter:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            optimizer.step()
            scheduler.step()  # after each batch
        metric = d2l.Accumulator(2)  # correct predictions, images
        net.eval()
        with torch.no_grad():
            for X, y in test_iter:
                metric.add((net(X).argmax(dim=1) == y).sum(), len(y))
        test_accuracies.append(metric[0] / metric[1])
    return test_accuracies
    # end of answer
