def corrected_growth(net, X, y):
    # answer
    net = in_float64(net)  # a copy in training mode: batch norm looks at the batch
    xs, loss = inputs_and_loss(net, X, y)
    first, last = torch.autograd.grad(loss, (xs[0], xs[-1]))
    return (first.norm() / last.norm()).item()
    # end of answer


measured_in_truth = "plain, He"  # answer
