"""What a learner's environment sets that changes the numbers of a run, or the kernels that compute them."""

import os

# What the course itself sets for Keras and its backend, unless the learner has set it.
DEFAULTS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # errors only, no remarks about CUDA or the processor
    "TF_ENABLE_ONEDNN_OPTS": "1",  # fast kernels; TensorFlow has them, but off on many processors
    "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",  # they give memory back when they no longer need it
}
READ_BY_LIBRARIES = (
    "KERAS_",
    "TF_",
    "XLA_",
    "JAX_",
    "ONEDNN_",
    "TORCH_",
    "PYTORCH_",
    "CUBLAS_",
    "CUDNN_",
    "NVIDIA_TF32_",
)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # work divided otherwise: other last digits
# These change no number, or are said elsewhere: the backend, several processes, messages, where files are, memory.
OTHERS = (
    *("KERAS_BACKEND", "KERAS_HOME", "KERAS_DISTRIBUTION_", "JAX_COORDINATOR_", "JAX_COMPILATION_CACHE_"),
    *("TF_CPP_", "TF_FORCE_GPU_ALLOW_GROWTH", "TORCH_HOME", "XLA_PYTHON_CLIENT_"),
)


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
