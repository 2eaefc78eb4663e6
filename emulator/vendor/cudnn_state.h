#pragma once
/// Descriptors and handles of the cuDNN stand-in.

#include <cstdint>
#include <string>

#include "emulator/cudnn.h"

struct cudnnContext {
  int device;
  cudaStream_t stream;
};

/// Packed extents; strides follow from the format.
struct cudnnTensorStruct {
  bool set = false;
  cudnnTensorFormat_t format;
  cudnnDataType_t type;
  int n, c, h, w;
};

struct cudnnFilterStruct {
  bool set = false;
  cudnnTensorFormat_t format;
  cudnnDataType_t type;
  int k, c, h, w;
};

struct cudnnConvolutionStruct {
  bool set = false;
  int pad_h, pad_w, stride_h, stride_w;
  cudnnDataType_t compute;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
  int groups = 1;
};

struct cudnnActivationStruct {
  bool set = false;
  cudnnActivationMode_t mode;
  cudnnNanPropagation_t nan;
};

namespace emu::dnn {

/// Remembers live handles and descriptors, so that stale ones are found.
void add_live(const void* object);
bool remove_live(const void* object);
bool is_live(const void* object);

/// Reports a misuse of a function and returns the status for it.
cudnnStatus_t refuse(const char* function, cudnnStatus_t status, const std::string& why);

}  // namespace emu::dnn
