"""Networks of Keras Applications: weights from files, from `make data`, or from the network; names of their classes."""

import inspect
import json
import tomllib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
from keras import layers

BOOK_LAYERS = "block3_sepconv1", "block2_sepconv1", "block4_sepconv1", "block8_sepconv1"  # of Xception
REGISTRY = Path(__file__).resolve().parents[2] / "data" / "registry.toml"
CLASS_INDEX = "imagenet_class_index.json"
# How the files of `make data` begin; others have the network's name there.
FILES = {"MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"}
FETCH = (
    "Either fetch them where there is a network (`make data`, or `make data PROFILE=photos`) and bring "
    "the folder {folder} here, or "
)
WAYS_OUT = {
    "Xception": FETCH + "name a file: -p WEIGHTS FILE.",
    "MobileNetV2": FETCH + "name a file: -p WEIGHTS FILE.",
    "names": FETCH + "put that file beside the file of weights.",
    "others": "Either run this once where there is a network and bring ~/.keras/models here, "
    "or name a file: -p WEIGHTS FILE.",
}


def load_application(
    name: str, weights: str | Path = "imagenet", include_top: bool = True, folder: Path | str = "."
) -> tuple[keras.Model, Callable]:
    """Return a network of `keras.applications`, and the function that prepares pictures for it.

    `weights` is "imagenet" (a file that `make data` put into `folder`, else Keras's download), "untrained", or a
    file of weights that were trained on ImageNet, for the network with or without its top. The function takes pictures
    (N, height, width, 3) in 0-255, an array or a tensor, to the network's input; it is differentiable and changes
    nothing in place.

    Raises ValueError if there is no such network or the file does not fit it, FileNotFoundError if there is no
    such file, ConnectionError if the weights can neither be found nor fetched.
    """
    build = getattr(keras.applications, name, None)
    if not inspect.isfunction(build):
        known = sorted(entry for entry, value in vars(keras.applications).items() if inspect.isfunction(value))
        raise ValueError(f"{name!r} is no network of keras.applications; there are {', '.join(known)}")
    preprocess_input = inspect.getmodule(build).preprocess_input

    def prepare(pictures):
        # Given an array of floats, `preprocess_input` writes into it; given a tensor, it cannot.
        return preprocess_input(keras.ops.cast(keras.ops.convert_to_tensor(pictures), "float32"))

    if weights == "untrained":
        return build(weights=None, include_top=include_top), prepare
    if weights == "imagenet":
        beginning = FILES.get(name, f"{name.lower()}_weights_tf_dim_ordering_tf_kernels")
        files = [Path(folder, f"{beginning}{ending}.h5") for ending in ([""] if include_top else ["_notop", ""])]
        weights = next((file for file in files if file.exists()), None)
        if weights is None:
            return _download(build, name, include_top, folder), prepare
    return _from_file(build, Path(weights), include_top), prepare


def load_own(path: Path | str, include_top: bool = True) -> keras.Model:
    """Return a network from a `.keras` or `.h5` file of one's own, with its classifier or up to its last maps.

    Without its top it is the network that has the convolutions: if it has another one in it, like a fine-tuned network
    has its base, that one. Raises FileNotFoundError if there is no such file, ValueError if it cannot be read.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a network that `model.save` has written")
    try:
        model = keras.models.load_model(path)
    except Exception as error:  # of many kinds, Keras's and h5py's
        raise ValueError(f"{path} cannot be read as a network: {error}") from error
    if include_top:
        return model
    base = max((model, *model.layers), key=lambda part: len(find_convolutions(part)))
    return keras.Model(base.inputs[0], last_maps(base))


def load_class_names(*folders: Path | str) -> list[tuple[str, str]]:
    """Return ImageNet's 1,000 classes as (WordNet id, name), from the first folder that has them, else from Keras.

    Raises ConnectionError if they can neither be found nor fetched.
    """
    found = [path for path in (Path(folder, CLASS_INDEX) for folder in folders) if path.exists()]
    if not found:
        files = tomllib.loads(REGISTRY.read_text("utf-8"))["weights"]["files"]
        known = next(file for file in files if file["name"] == CLASS_INDEX)
        try:
            found = [Path(keras.utils.get_file(CLASS_INDEX, known["urls"][0], file_hash=known["md5"]))]
        except Exception as error:  # of many kinds: Keras raises what its download meets
            ways = WAYS_OUT["names"].format(folder=folders[-1])
            raise ConnectionError(
                f"The names of ImageNet's classes, {CLASS_INDEX}, cannot be fetched. {ways}"
            ) from error
    classes = json.loads(found[0].read_text(encoding="utf-8"))
    return [tuple(classes[str(index)]) for index in range(len(classes))]


def find_class(classes: Sequence[tuple[str, str]], choice: int | str) -> int:
    """Return the index of a class that is chosen by its index, its identifier or its name, among (identifier, name).

    In a name upper and lower case are the same, and so are a space and an underscore. Raises ValueError if there is no
    such class, or several of that name.
    """
    wanted = str(choice).casefold().replace(" ", "_")
    found = [index for index, names in enumerate(classes) if wanted in map(str.casefold, names)]
    if wanted.isdecimal() and int(wanted) < len(classes):
        found = [int(wanted)]
    if len(found) > 1:
        which = " or ".join(f"{index} ({classes[index][0]})" for index in found)
        raise ValueError(f"CLASS is {choice!r}, of which there are {len(found)}; expected {which}")
    if not found:
        raise ValueError(
            f"CLASS is {choice!r}, none of the {len(classes)} classes; expected an index from 0 to {len(classes) - 1}, "
            f"or a name or an identifier like {classes[0][1]!r} or {classes[0][0]!r}"
        )
    return found[0]


def copy_network(model: keras.Model, without: Sequence[str] = ()) -> keras.Model:
    """Return a copy of a model, with its weights but for those of the layers named in `without`, which are new.

    The copy also has what `get_weights` does not carry, like the mean of a `Normalization`. Set Keras's seed before:
    new weights come from the layers' own initialisers.
    """
    copy = keras.models.clone_model(model)
    new = {name: copy.get_layer(name).get_weights() for name in without}
    with TemporaryDirectory() as folder:
        file = Path(folder, "all.weights.h5")
        model.save_weights(file)
        copy.load_weights(file)
    for name, weights in new.items():
        copy.get_layer(name).set_weights(weights)
    return copy


def find_convolutions(model: keras.Model) -> list[str]:
    """Return the names of a model's convolutions of all kinds, in its order."""
    kinds = layers.Conv2D | layers.SeparableConv2D | layers.DepthwiseConv2D
    return [layer.name for layer in getattr(model, "layers", ()) if isinstance(layer, kinds)]


def choose_convolutions(model: keras.Model) -> tuple[str, ...]:
    """Return four convolutions' names, the book's in Xception, else spread over the depth; the second one first.

    1×1 convolutions, like those on a skip, have no pattern of their own: they are left out if there are enough others.
    """
    names = find_convolutions(model)
    if set(BOOK_LAYERS) <= set(names):
        return BOOK_LAYERS
    spatial = [name for name in names if max(model.get_layer(name).kernel_size) > 1]
    names = spatial if len(spatial) >= 4 else names
    return tuple(dict.fromkeys(names[(len(names) - 1) * third // 3] for third in (1, 0, 2, 3)))


def last_maps(model: keras.Model):
    """Return a network's last output with height and width, a tensor (N, height, width, channels)."""
    return next(layer.output for layer in reversed(model.layers) if len(layer.output.shape) == 4)


def _download(build, name, include_top, folder):
    try:
        return build(weights="imagenet", include_top=include_top)
    except Exception as error:  # see above
        ways = WAYS_OUT.get(name, WAYS_OUT["others"]).format(folder=folder)
        raise ConnectionError(f"The weights of {name} cannot be fetched. {ways}") from error


def _from_file(build, path, include_top):
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of weights; expected a file, "imagenet" or "untrained"')
    try:
        return _load(_build_empty(build, include_top), path)
    except Exception as error:  # h5py and Keras raise errors of many kinds
        if include_top:
            what = f"{path} does not fit {build.__name__} with its top: {error}"
            raise ValueError(f"{what}. Expected weights of this network, the 1,000 classes included.") from error
    try:
        whole = _load(_build_empty(build), path)
    except Exception:
        return _load_base(build, path)
    base = _build_empty(build, include_top=False)
    for layer, source in zip(base.layers, whole.layers, strict=False):  # the base comes first, its layers in this order
        layer.set_weights(source.get_weights())
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # else it goes on with mean 0 and variance 1
    return base


def _build_empty(build, include_top=True):
    """Return a network for weights that were trained on ImageNet: EfficientNet then has one more rescaling."""
    network = build(weights=None, include_top=include_top)
    if inspect.getmodule(build) is not inspect.getmodule(keras.applications.EfficientNetB0):
        return network
    scale = layers.Rescaling([deviation**-0.5 for deviation in (0.229, 0.224, 0.225)])  # as Keras has it

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return scale(outputs) if isinstance(layer, layers.Normalization) else outputs

    return keras.models.clone_model(network, call_function=call)


def _load_base(build, path):
    try:
        return _load(_build_empty(build, include_top=False), path)
    except Exception as error:
        raise ValueError(f"{path} does not fit {build.__name__}, with or without its top: {error}") from error


def _load(model, path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping nested container")  # files of other versions of Keras lack it
        model.load_weights(path)
    return model
