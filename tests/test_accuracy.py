"""accuracy and evaluate_accuracy_gpu: the book's numbers, and a net left as it was found."""

from __future__ import annotations

import math

import d2l.torch as book
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from d2lhelpers import accuracy, evaluate_accuracy_gpu
from small_batches import random_batches


def small_net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 10))


class BookBatchNorm(nn.Module):
    """Batch norm in the book's manner: the mode is read off autograd, the mean is a plain tensor."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.moving_mean = torch.zeros(features)
        self.seen_in_training = 0

    def forward(self, X):
        if torch.is_grad_enabled():
            self.seen_in_training += 1
            self.moving_mean = 0.9 * self.moving_mean + 0.1 * X.mean(dim=0).detach()
            return X - X.mean(dim=0)
        return X - self.moving_mean


# accuracy


@given(
    st.integers(1, 40), st.integers(2, 12), st.integers(0, 1000),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)  # fmt: skip
def test_number_of_correct_predictions_is_that_of_the_book(examples, classes, seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    y_hat = torch.randn(examples, classes, generator=generator).to(dtype)
    y = torch.randint(0, classes, (examples,), generator=generator)
    result = accuracy(y_hat, y)
    assert type(result) is float
    assert result == book.accuracy(y_hat, y)
    assert result == sum(int(row.argmax()) == int(label) for row, label in zip(y_hat, y))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1),
    st.sampled_from([torch.int64, torch.int32, torch.float32]),
)
def test_predicted_classes_instead_of_scores_count_as_in_the_book(pairs, dtype):
    predicted = torch.tensor([a for a, _ in pairs], dtype=dtype)
    y = torch.tensor([b for _, b in pairs])
    assert accuracy(predicted, y) == book.accuracy(predicted, y) == sum(a == b for a, b in pairs)


def test_it_is_a_count_and_not_a_share():
    assert accuracy(torch.tensor([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]]), torch.tensor([1, 0, 0])) == 2.0


@pytest.mark.parametrize(
    "scores, labels", [((4, 1), (4,)), ((4, 3), (3,)), ((4, 3), (4, 1)), ((4,), (4, 1)), ((4, 3), ())]
)
def test_shapes_that_do_not_belong_together_raise(scores, labels):
    with pytest.raises(ValueError, match="do not belong") as caught:
        accuracy(torch.zeros(scores), torch.zeros(labels, dtype=torch.long))
    assert str(scores) in str(caught.value) and str(labels) in str(caught.value)


@pytest.mark.parametrize("scores", [(0, 10), (0,)])
def test_a_batch_without_examples_raises(scores):
    with pytest.raises(ValueError, match="no example"):
        accuracy(torch.zeros(scores), torch.zeros(0, dtype=torch.long))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_raise(bad):
    with pytest.raises(ValueError, match="1 of 4 scores are not finite"):
        accuracy(torch.tensor([[0.0, bad], [1.0, 0.0]]), torch.tensor([0, 1]))


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_without_a_score_raise(label):
    with pytest.raises(ValueError, match=f"labels run from .*{label}.*expected labels from 0 to 2"):
        accuracy(torch.zeros(2, 3), torch.tensor([1, label]))


@pytest.mark.parametrize("make", [torch.Tensor.numpy, torch.Tensor.tolist])
def test_arrays_and_lists_are_counted_as_tensors_are(make):
    y_hat, y = torch.tensor([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]]), torch.tensor([1, 0, 0])
    assert accuracy(make(y_hat), make(y)) == 2.0
    assert accuracy(make(y), make(y)) == 3.0


@pytest.mark.parametrize(
    "one_output",
    [
        torch.tensor([0.9, 0.8, 0.2, 0.1]),
        torch.tensor([3.0, 2.0, -1.0, -2.0]),
        torch.tensor([[0.9], [0.8], [0.2], [0.1]]),
    ],
)
def test_scores_of_one_output_are_refused_and_a_threshold_makes_classes_of_them(one_output):
    y = torch.tensor([1, 1, 0, 0]).reshape(one_output.shape)
    with pytest.raises(ValueError, match="class numbers.*one output become that by a threshold"):
        accuracy(one_output, y)
    with pytest.raises(ValueError, match="threshold"):
        evaluate_accuracy_gpu(nn.Identity(), [(one_output, y)])
    assert accuracy(one_output > 0.5, y) == 4.0


# evaluate_accuracy_gpu


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 100))
def test_share_is_that_of_the_book_for_batches_of_any_size(sizes, seed):
    torch.manual_seed(seed)
    net, batches = small_net(), random_batches(sizes, seed=seed)
    assert evaluate_accuracy_gpu(net, batches) == book.evaluate_accuracy_gpu(net, batches)


def test_every_example_counts_the_same_whatever_its_batch():
    right, wrong = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    batches = [(right.repeat(9, 1), torch.ones(9, dtype=torch.long)), (wrong, torch.tensor([1]))]
    assert evaluate_accuracy_gpu(nn.Identity(), batches) == 0.9  # the mean over batches would be 0.5


def test_a_list_of_tensors_reaches_the_net_as_one_list():
    class Adds(nn.Module):
        def forward(self, X):
            assert isinstance(X, list)
            return X[0] + X[1]

    one, two = torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 0.0]])
    batches = [([one, two], torch.tensor([0])), ([one, one], torch.tensor([0]))]
    assert evaluate_accuracy_gpu(Adds(), batches) == evaluate_accuracy_gpu(Adds(), batches, device="cpu") == 0.5
    assert book.evaluate_accuracy_gpu(Adds(), batches, device="cpu") == 0.5


def test_the_net_is_evaluated_in_eval_mode_and_without_gradient():
    seen = []

    class Spy(nn.Module):
        def forward(self, X):
            seen.append((self.training, torch.is_grad_enabled()))
            return X

    evaluate_accuracy_gpu(nn.Sequential(Spy()).train(), [(torch.zeros(2, 2), torch.tensor([0, 1]))])
    assert seen == [(False, False)]


def modes(net: nn.Module) -> list[bool]:
    return [module.training for module in net.modules()]


@pytest.mark.parametrize("frozen", [(), (2,), (2, 3), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("training", [True, False])
def test_every_module_is_left_in_the_mode_in_which_it_was_found(training, frozen):
    net = small_net().train(training)
    for i in frozen:
        net[i].training = not training
    before = modes(net)
    evaluate_accuracy_gpu(net, random_batches([3]))
    assert modes(net) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_modes_are_restored_when_the_net_fails_or_the_learner_interrupts(error):
    class Fails(nn.Module):
        def forward(self, X):
            raise error("on purpose")

    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(), Fails())
    net[0].eval()
    before = modes(net)
    with pytest.raises(error, match="on purpose"):
        evaluate_accuracy_gpu(net, [(torch.zeros(2, 3), torch.tensor([0, 1]))])
    assert modes(net) == before
    assert torch.is_grad_enabled()


def test_statistics_of_batch_norm_do_not_move():
    net = small_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    evaluate_accuracy_gpu(net, random_batches([5, 3]))
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_net_without_parameters_is_evaluated():
    with pytest.raises(StopIteration):  # what the book's does
        book.evaluate_accuracy_gpu(nn.Flatten(), [(torch.eye(3), torch.arange(3))])
    assert evaluate_accuracy_gpu(nn.Flatten(), [(torch.eye(3), torch.arange(3))]) == 1.0


def test_a_function_is_evaluated_as_well():
    assert evaluate_accuracy_gpu(lambda X: -X, [(torch.eye(2), torch.arange(2))]) == 0.0
    assert evaluate_accuracy_gpu(lambda X: -X, [(torch.eye(2), torch.arange(2))], device="cpu") == 0.0


def test_a_batch_norm_in_the_manner_of_the_book_is_in_prediction_mode():
    norm = BookBatchNorm(2)
    norm.moving_mean = torch.tensor([0.0, 10.0])
    batches = [(torch.tensor([[1.0, 9.0], [1.0, 9.0]]), torch.tensor([0, 0]))]
    assert evaluate_accuracy_gpu(nn.Sequential(norm), batches) == 1.0
    assert norm.seen_in_training == 0
    assert norm.moving_mean.tolist() == [0.0, 10.0]


def test_batches_go_to_the_device_of_the_net_and_no_value_is_read_before_the_last():
    net = nn.Linear(4, 3, device="meta")  # tensors on the meta device have no value that could be read
    batches = iter([(torch.zeros(2, 4), torch.tensor([0, 1]))] * 3)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        evaluate_accuracy_gpu(net, batches)
    assert next(batches, "used up") == "used up"


def test_the_device_is_that_of_a_buffer_where_there_is_no_parameter():
    net = nn.BatchNorm1d(3, affine=False, device="meta")
    seen = []
    net.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].device.type))
    with pytest.raises((RuntimeError, NotImplementedError)):
        evaluate_accuracy_gpu(net, [(torch.zeros(2, 3), torch.tensor([0, 1]))])
    assert seen == ["meta"]


def test_an_iterator_that_yields_nothing_raises():
    used_up = iter(random_batches([2]))
    evaluate_accuracy_gpu(small_net(), used_up)
    for empty in ([], used_up):
        with pytest.raises(ValueError, match="no batch"):
            evaluate_accuracy_gpu(small_net(), empty)


def test_a_net_whose_scores_are_not_finite_raises():
    with pytest.raises(ValueError, match="2 scores that are not finite .* for images that are finite"):
        evaluate_accuracy_gpu(lambda X: X / 0, [(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))])


def test_images_that_are_not_finite_are_named_and_the_net_is_not():
    with pytest.raises(ValueError, match="2 values of the images are not finite") as caught:
        evaluate_accuracy_gpu(nn.Identity(), [(torch.tensor([[math.nan, math.inf]]), torch.tensor([0]))])
    assert "the net" not in str(caught.value)


@pytest.mark.parametrize("labels", [[0, 10], [-1, 0]])
def test_labels_that_the_net_has_no_class_for_raise(labels):
    with pytest.raises(ValueError, match="expected labels from 0 to 9"):
        evaluate_accuracy_gpu(small_net(), [(torch.zeros(2, 1, 12, 12), torch.tensor(labels))])


def test_an_empty_batch_and_a_wrong_shape_raise():
    with pytest.raises(ValueError, match="no example"):
        evaluate_accuracy_gpu(nn.Identity(), [(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))])
    with pytest.raises(ValueError, match="do not belong"):
        evaluate_accuracy_gpu(nn.Identity(), [(torch.zeros(2, 3), torch.zeros(2, 1, dtype=torch.long))])
