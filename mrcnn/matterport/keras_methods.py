"""The methods of a Keras 2 model, for the keras_model of a MaskRCNN."""

from pathlib import Path


def add_methods(keras_model, save, load):
    """Give a Keras model the methods that programs for Keras 2 call.

    save_weights and load_weights accept every path. Files in Keras's own format, ``.weights.h5``, are still
    handled by Keras; save(path) and load(path, by_name) handle all others. _make_predict_function, which
    servers call before their threads predict, does nothing: a model needs no preparation.
    """
    keras_save, keras_load = keras_model.save_weights, keras_model.load_weights

    def save_weights(filepath, overwrite=True, **options):
        if str(filepath).endswith(".weights.h5"):
            keras_save(filepath, overwrite=overwrite, **options)
        elif not overwrite and Path(filepath).exists():
            raise FileExistsError(f"{filepath}: is there already, and overwrite is False.")
        else:
            save(filepath)

    def load_weights(filepath, by_name=False, skip_mismatch=False, **options):
        if str(filepath).endswith(".weights.h5"):
            keras_load(filepath, skip_mismatch=skip_mismatch, **options)
        else:
            load(filepath, by_name or skip_mismatch)

    keras_model.save_weights, keras_model.load_weights = save_weights, load_weights
    keras_model._make_predict_function = lambda: None
