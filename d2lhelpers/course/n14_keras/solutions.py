# Exercise 14.1

def same_padding(side, kernel_size, stride):
    # answer
    positions = -(-side // stride)  # rounded up
    zeros = max(0, (positions - 1) * stride + kernel_size - side)
    return zeros // 2, zeros - zeros // 2
    # end of answer


# Exercise 14.2

def to_linear(kernel, shape):
    # answer
    height, width, channels = shape
    by_place = kernel.reshape(height, width, channels, -1)  # as Keras flattened the maps
    return by_place.permute(3, 2, 0, 1).flatten(start_dim=1)
    # end of answer


# Exercise 14.3

def halving_block(x, filters):
    # answer
    y = layers.ZeroPadding2D(1)(x)
    y = layers.Conv2D(filters, 3, strides=2)(y)
    y = layers.BatchNormalization(epsilon=1e-5)(y)
    y = layers.ReLU()(y)
    y = layers.Conv2D(filters, 3, padding="same")(y)
    y = layers.BatchNormalization(epsilon=1e-5)(y)
    shortcut = layers.Conv2D(filters, 1, strides=2)(x)
    return layers.ReLU()(layers.Add()([y, shortcut]))
    # end of answer


# Exercise 14.4

def pytorch_positions(gradients, rates, momentum):
    # answer
    position, velocity, positions = 0.0, 0.0, []
    for gradient, rate in zip(gradients, rates):
        velocity = momentum * velocity + gradient
        position -= rate * velocity
        positions.append(position)
    return positions
    # end of answer


def keras_positions(gradients, rates, momentum):
    # answer
    position, velocity, positions = 0.0, 0.0, []
    for gradient, rate in zip(gradients, rates):
        velocity = momentum * velocity - rate * gradient
        position += velocity
        positions.append(position)
    return positions
    # end of answer


keras_over_pytorch = 9.0  # answer
