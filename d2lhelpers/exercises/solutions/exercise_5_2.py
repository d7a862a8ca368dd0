def numbers_kept(net, X):
    # answer
    counts, handles = {}, []

    def hook_for(name):
        def note(module, inputs, output):
            counts[name] = output.numel()

        return note

    for name, module in net.named_modules():
        if not any(module.children()):
            handles.append(module.register_forward_hook(hook_for(name)))
    was_training = net.training
    with torch.no_grad():
        net.eval()(X)
    net.train(was_training)
    for handle in handles:
        handle.remove()
    return counts
    # end of answer


part_with_most_values = "stem"  # answer
