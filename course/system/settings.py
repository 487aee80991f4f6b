"""What a learner's environment sets that changes the numbers of a run, or the kernels that compute them."""

import os

# What the course itself sets for Keras and its backend, unless the learner has set it.
DEFAULTS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # errors only, no remarks about CUDA or the processor
    "TF_ENABLE_ONEDNN_OPTS": "1",  # fast kernels; TensorFlow has them, but off on many processors
    "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",  # they give memory back when they no longer need it
}
# Beginnings of names, as long as they are needed to tell them from those of other programs: Terraform has TF_, too.
READ_BY_LIBRARIES = (
    "KERAS_", "XLA_FLAGS",
    "JAX_ENABLE_", "JAX_DEFAULT_", "JAX_DISABLE_", "JAX_NUMPY_", "JAX_RANDOM_", "JAX_THREEFRY_",
    "TF_CUBLAS_", "TF_CUDNN_", "TF_DETERMINISTIC_", "TF_DISABLE_", "TF_ENABLE_", "TF_FUNCTION_", "TF_GPU_", "TF_NUM_",
    "TF_ONEDNN_", "TF_USE_", "TF_XLA_FLAGS", "ONEDNN_", "TORCH_ALLOW_TF32", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # work divided otherwise: other last digits
# These are said elsewhere: the backend, and several processes.
OTHERS = ("KERAS_BACKEND", "KERAS_HOME", "KERAS_DISTRIBUTION_")


def settings() -> str:
    """Returns the environment's settings that may change a run's numbers, such as "KERAS_MAX_EPOCHS=1, ..."."""
    found = {
        name: value
        for name, value in sorted(os.environ.items())
        if (name.startswith(READ_BY_LIBRARIES) or name in THREADS)
        and not name.startswith(OTHERS)
        and value
        and value != DEFAULTS.get(name)
    }
    return ", ".join(f"{name}={value}" for name, value in found.items())
