"""What the checks of the exercises are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, SupportsFloat, SupportsIndex, TypeVar

import torch

from d2lhelpers.out_of_memory import ran_out_of_memory

SomeModule = TypeVar("SomeModule", bound=torch.nn.Module)


class Incorrect(Exception):
    """An answer is wrong; the message names the cause."""


def call(function: Any, *arguments: Any, name: str | None = None) -> Any:
    """Call what the learner wrote; what it raises becomes `Incorrect` with the call and the error.

    Parameters
    ----------
    function : callable
        The learner's function, class or module.
    *arguments
        What to call it with.
    name : str, optional
        What to call it in the message.

    Raises
    ------
    Incorrect
        If it cannot be called, or raises.
    NotImplementedError
        If it is still the stub.
    """
    name = name or getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        raise Incorrect(f"{name} should be something to call, a function or a class; it is {shown(function)}")
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:
        if is_stub(error) or ran_out_of_memory(error) or isinstance(error, RecursionError):
            raise
        with_what = ", ".join(shown(argument) for argument in arguments)
        raise Incorrect(f"{name}({with_what}) raised {described(error)}") from error


def number(value: Any, name: str) -> float:
    """Return an answer that should be a number as a plain int or float; a tensor of one element will do.

    Decimals, fractions and SymPy's constants are numbers too. Of a subclass of int or float its own number counts.

    Raises
    ------
    Incorrect
        If it is not a finite number.
    """
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.device.type != "meta":
        value = value.item()
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        value = value.item()
    try:
        if isinstance(value, bool) or not isinstance(value, (SupportsFloat, SupportsIndex)):
            raise TypeError
        own = int.__int__ if isinstance(value, int) else float.__float__ if isinstance(value, float) else float
        found = own(value)
    except Exception:
        raise Incorrect(f"{name} should be a number; it is {shown(value)}") from None
    if abs(found) > 1e300 or found != found:
        raise Incorrect(f"{name} is {shown(value)}; it should be a finite number of ordinary size")
    return found


def whole_number(value: Any, name: str) -> int:
    """Return an answer that should be a whole number; 3.0 will do.

    Raises
    ------
    Incorrect
        If it is not.
    """
    value = number(value, name)
    if value != int(value):
        raise Incorrect(f"{name} is {float(value):g}; it should be a whole number")
    return int(value)


def tensor(value: Any, shape: tuple[int, ...] | None, name: str) -> torch.Tensor:
    """Return an answer that should be a tensor of finite numbers, of a shape if one is given.

    Raises
    ------
    Incorrect
        If it is not; the message has the shape that was found.
    """
    if not isinstance(value, torch.Tensor):
        raise Incorrect(f"{name} should be a tensor; it is {shown(value)}")
    if value.device.type == "meta":
        raise Incorrect(f"{name} is on the device 'meta', where tensors have no numbers")
    if value.layout != torch.strided:
        raise Incorrect(f"{name} is a tensor of layout {value.layout}; expected an ordinary one")
    value = value.detach().cpu()
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise Incorrect(f"{name} has the shape {tuple(value.shape)}; expected {tuple(shape)}")
    if not bool(torch.isfinite(value).all()):
        raise Incorrect(f"{name} has numbers that are not finite (nan or inf)")
    return value


def choice(value: Any, name: str, right: str, wrong: Mapping[str, str]) -> None:
    """Check an answer that should be the letter of one statement out of several.

    Parameters
    ----------
    value : str
        The learner's letter; capitals and brackets do not matter.
    name : str
        The variable that holds it.
    right : str
        The letter of the statement that is true.
    wrong : mapping of str to str
        Why each other statement is not.

    Raises
    ------
    Incorrect
        If it is another letter, with the reason, or none.
    """
    letter = str.strip(value, " \t\n().:").lower() if isinstance(value, str) else None
    if letter in wrong:
        raise Incorrect(f"it is not ({letter}): {wrong[letter]}")
    if letter != right:
        raise Incorrect(f"{name} is one of the letters {', '.join(sorted({right, *wrong}))}; it is {shown(value)}")


def used(module: SomeModule) -> SomeModule:
    """Give a module what a used one carries, gradients and a hook on each layer, so that `unchanged` sees them go."""
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    for layer in module.modules():
        layer.register_forward_hook(_listen)
    return module


def _listen(*_: Any) -> None:
    """Do nothing, as a hook."""


@contextlib.contextmanager
def unchanged(given: Any, name: str) -> Iterator[None]:
    """Let the code below ``with`` use what the check gives, and refuse the answer if it is not as it was afterwards.

    Of a module this covers layers and their settings, modes, hooks, parameters and buffers; of a tensor its
    numbers, type, device, `requires_grad` and gradient; of a list, tuple or dictionary all that is in it.

    Parameters
    ----------
    given : module, tensor, list, tuple, dictionary, or a plain value
        What the learner's code gets.
    name : str
        What to call it in the message, such as "the net".

    Raises
    ------
    Incorrect
        If it has changed; the message says in what.

    Examples
    --------
    >>> X = torch.zeros(2)
    >>> with unchanged(X, "X"):
    ...     X += 1
    Traceback (most recent call last):
    d2lhelpers.course.checking.Incorrect: X is not left as it came: it has other numbers. Work on a copy.
    """
    before = _facts(given)
    yield
    after = _facts(given)
    for (place, aspect), old in before.items():
        new = after.get((place, aspect))
        if not _same(old, new):
            what = _change(place or "it", aspect, old, new)
            raise Incorrect(f"{name} is not left as it came: {what}. Work on a copy.")


def _facts(given: Any, place: str = "") -> dict[tuple[str, str], Any]:
    """Return what could change in something, by place and aspect; what is to be named first comes first."""
    if isinstance(given, torch.nn.Module):
        layers = dict(given.named_modules(remove_duplicate=False))
        tensors = dict(given.named_parameters(remove_duplicate=False))
        tensors.update(given.named_buffers(remove_duplicate=False))
        kinds = {name: (type(layer), vars(layer).get("forward")) for name, layer in layers.items()}
        facts: dict[tuple[str, str], Any] = {(place, "layers"): (kinds, list(tensors))}
        for name, layer in layers.items():
            inside = vars(layer)
            facts[f"{place}{name}", "training"] = layer.training
            hooks = [inside[k] for k in inside if k.endswith("_hooks") and inside[k]]
            facts[f"{place}{name}", "hooks"] = [hook for those in hooks for hook in those.values()]
            for key, value in inside.items():
                if key[0] != "_" and key != "training" and isinstance(value, (int, float, str, tuple, type(None))):
                    facts[f"{place}{name}.{key}".strip("."), "setting"] = value
        for name, value in tensors.items():
            facts.update(_facts(value, f"{place}{name}"))
        return facts
    if isinstance(given, torch.Tensor):
        gradient = given.grad if given.is_leaf else None
        return {
            (place, "type"): (given.dtype, given.device),
            (place, "numbers"): given.detach().clone(),
            (place, "requires_grad"): given.requires_grad,
            (place, "hooks"): list((given._backward_hooks or {}).values()),
            (place, "gradient"): None if gradient is None else gradient.clone(),
        }
    if isinstance(given, (list, tuple, Mapping)):
        items = dict(given) if isinstance(given, Mapping) else dict(enumerate(given))
        facts = {(place, "entries"): list(items)}
        for key, value in items.items():
            facts.update(_facts(value, f"{place}[{key!r}]"))
        return facts
    return {(place, "value"): given}


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor):
        return old.shape == new.shape and bool(((old == new) | ((old != old) & (new != new))).all())
    return type(old) is type(new) and bool(old == new or old != old)


def _change(place: str, aspect: str, old: Any, new: Any) -> str:
    """Return in words what has changed."""
    if aspect == "hooks":
        if len(new) > len(old):
            return f"{place} has a hook more (handle.remove() takes it off)"
        return f"{place} has {'lost a' if len(new) < len(old) else 'another'} hook"
    if aspect == "training":
        return f"{place} is in {'training' if new else 'evaluation'} mode"
    if aspect == "type":
        return f"{place} came as {old[0]} on {old[1]} and is {new[0]} on {new[1]}" if new else f"{place} is gone"
    if aspect == "numbers":
        moved = "running_" in place or "num_batches" in place
        return f"{place} has other numbers" + (
            ", a pass in training mode moves them, and so does writing to them" if moved else ""
        )
    if aspect == "requires_grad":
        return f"{place} asks for {'a' if new else 'no'} gradient" + ("" if new else " any more")
    if aspect == "gradient":
        which = "a new" if old is None else "another" if new is not None else "lost its"
        return f"{place} has {which} gradient"
    if aspect in ("layers", "entries"):
        return f"{place} has other {aspect}"
    return f"{place} was {shown(old)} and is {shown(new)}"


def shown(value: Any) -> str:
    """Return a short description of any value, which cannot fail."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, torch.nn.Module):
        return with_article(type(value).__name__)
    if isinstance(value, type) or callable(value):
        return getattr(value, "__name__", type(value).__name__)
    try:
        text_of_it = repr(value)
    except Exception:
        return with_article(type(value).__name__)
    says_what_it_is = len(text_of_it) <= 60 and " at 0x" not in text_of_it
    return text_of_it if says_what_it_is else with_article(type(value).__name__)


def with_article(noun: str) -> str:
    """Return a noun with its article: "a Linear", "an InstanceNorm2d"."""
    return f"{'an' if noun[:1].lower() in set('aeiou') else 'a'} {noun}"


def counted(count: int, noun: str) -> str:
    """Return so many things in words: "1 layer", "2 layers"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def is_stub(error: BaseException) -> bool:
    """Tell whether this error says that the answer is not written yet; PyTorch's own have a message."""
    return isinstance(error, NotImplementedError) and not error.args


def described(error: BaseException) -> str:
    """Return an exception in one line, which cannot fail."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    return type(error).__name__ + (f": {message[:200]}" if message else "")
