#include <mutex>
#include <set>

#include "emulator/emulator.h"
#include "emulator/vendor/cudnn_state.h"

namespace emu::dnn {
namespace {

struct Live {
  std::mutex mutex;
  std::set<const void*> objects;
};
Live& live() {
  static Live& instance = *new Live;
  return instance;
}

template <class T>
cudnnStatus_t create(T** object) {
  if (!object) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  *object = new T{};
  add_live(*object);
  return CUDNN_STATUS_SUCCESS;
}

template <class T>
cudnnStatus_t destroy(const char* function, T* object) {
  if (!remove_live(object)) return refuse(function, CUDNN_STATUS_BAD_PARAM, "not a live object");
  delete object;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

void add_live(const void* object) {
  const std::lock_guard lock(live().mutex);
  live().objects.insert(object);
}

bool remove_live(const void* object) {
  const std::lock_guard lock(live().mutex);
  return live().objects.erase(object) > 0;
}

bool is_live(const void* object) {
  const std::lock_guard lock(live().mutex);
  return live().objects.count(object) > 0;
}

cudnnStatus_t refuse(const char* function, cudnnStatus_t status, const std::string& why) {
  add_report(Tool::kMemcheck, std::string("cuDNN call ") + function + " returned " + cudnnGetErrorString(status),
             "host code", {why});
  return status;
}

}  // namespace emu::dnn

using emu::dnn::is_live;
using emu::dnn::refuse;

namespace {

bool known(cudnnDataType_t type) {
  return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_DOUBLE || type == CUDNN_DATA_BFLOAT16;
}

}  // namespace

extern "C" {

size_t cudnnGetVersion(void) {
  return 91900;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS:
      return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED:
      return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_BAD_PARAM_NULL_POINTER:
      return "CUDNN_STATUS_BAD_PARAM_NULL_POINTER";
    case CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER:
      return "CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER";
    case CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT:
      return "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT";
    case CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH:
      return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_NOT_SUPPORTED_LAYOUT:
      return "CUDNN_STATUS_NOT_SUPPORTED_LAYOUT";
    case CUDNN_STATUS_INTERNAL_ERROR:
      return "CUDNN_STATUS_INTERNAL_ERROR";
    case CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED:
      return "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED";
    case CUDNN_STATUS_EXECUTION_FAILED:
      return "CUDNN_STATUS_EXECUTION_FAILED";
  }
  return "CUDNN_STATUS_UNKNOWN";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return CUDNN_STATUS_NOT_INITIALIZED;
  const cudnnStatus_t status = emu::dnn::create(handle);
  if (status == CUDNN_STATUS_SUCCESS) (*handle)->device = device;
  return status;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return emu::dnn::destroy("cudnnDestroy", handle);
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (!is_live(handle)) return refuse("cudnnSetStream", CUDNN_STATUS_BAD_PARAM, "not a live handle");
  cudaStreamCaptureStatus capture;
  if (cudaStreamIsCapturing(stream, &capture) != cudaSuccess)
    return refuse("cudnnSetStream", CUDNN_STATUS_BAD_PARAM, "not a live stream");
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* descriptor) {
  return emu::dnn::create(descriptor);
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type,
                                         int n, int c, int h, int w) {
  if (!is_live(d)) return refuse("cudnnSetTensor4dDescriptor", CUDNN_STATUS_BAD_PARAM, "not a live descriptor");
  if (n < 1 || c < 1 || h < 1 || w < 1 || !known(type))
    return refuse("cudnnSetTensor4dDescriptor", CUDNN_STATUS_BAD_PARAM,
                  "extents of at least 1 and a known type expected");
  *d = {true, format, type, n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t descriptor) {
  return emu::dnn::destroy("cudnnDestroyTensorDescriptor", descriptor);
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* descriptor) {
  return emu::dnn::create(descriptor);
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format,
                                         int k, int c, int h, int w) {
  if (!is_live(d)) return refuse("cudnnSetFilter4dDescriptor", CUDNN_STATUS_BAD_PARAM, "not a live descriptor");
  if (k < 1 || c < 1 || h < 1 || w < 1 || !known(type))
    return refuse("cudnnSetFilter4dDescriptor", CUDNN_STATUS_BAD_PARAM,
                  "extents of at least 1 and a known type expected");
  *d = {true, format, type, k, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t descriptor) {
  return emu::dnn::destroy("cudnnDestroyFilterDescriptor", descriptor);
}

cudnnStatus_t cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t* descriptor) {
  return emu::dnn::create(descriptor);
}

cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t d, cudnnActivationMode_t mode,
                                           cudnnNanPropagation_t nan, double) {
  if (!is_live(d)) return refuse("cudnnSetActivationDescriptor", CUDNN_STATUS_BAD_PARAM, "not a live descriptor");
  *d = {true, mode, nan};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t descriptor) {
  return emu::dnn::destroy("cudnnDestroyActivationDescriptor", descriptor);
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* descriptor) {
  return emu::dnn::create(descriptor);
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int u, int v,
                                              int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t compute) {
  constexpr const char* kName = "cudnnSetConvolution2dDescriptor";
  if (!is_live(d)) return refuse(kName, CUDNN_STATUS_BAD_PARAM, "not a live descriptor");
  if (pad_h < 0 || pad_w < 0 || u < 1 || v < 1)
    return refuse(kName, CUDNN_STATUS_BAD_PARAM, "padding of at least 0 and strides of at least 1 expected");
  if (dilation_h != 1 || dilation_w != 1 || mode != CUDNN_CROSS_CORRELATION)
    return refuse(kName, CUDNN_STATUS_NOT_SUPPORTED, "this stand-in knows cross-correlation without dilation");
  d->set = true;
  d->pad_h = pad_h;
  d->pad_w = pad_w;
  d->stride_h = u;
  d->stride_w = v;
  d->compute = compute;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
  if (!is_live(d)) return refuse("cudnnSetConvolutionMathType", CUDNN_STATUS_BAD_PARAM, "not a live descriptor");
  d->math = math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int groups) {
  if (!is_live(d) || groups < 1)
    return refuse("cudnnSetConvolutionGroupCount", CUDNN_STATUS_BAD_PARAM,
                  "a live descriptor and at least 1 group expected");
  d->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t descriptor) {
  return emu::dnn::destroy("cudnnDestroyConvolutionDescriptor", descriptor);
}

}  // extern "C"
