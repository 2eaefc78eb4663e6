/// The stand-ins for cuDNN and cuBLAS: results, and every misuse that they must find.

#include <cmath>
#include <vector>

#include "emulator/cublas.h"
#include "emulator/cudnn.h"
#include "tests/cuda/emulated.h"

namespace engram {
namespace {

using Vendor = testing::Emulated;

/// A 3x3 convolution of channels-last f32 data with everything that a call needs.
struct Convolution {
  static constexpr int n = 2, c = 4, h = 5, w = 6, k = 3;
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x_d, y_d;
  cudnnFilterDescriptor_t w_d;
  cudnnConvolutionDescriptor_t conv;
  float *x, *filter, *y;
  void* workspace;
  std::size_t workspace_bytes = 0;
  float one = 1, zero = 0;

  Convolution() {
    cudnnCreate(&handle);
    cudnnCreateTensorDescriptor(&x_d);
    cudnnCreateTensorDescriptor(&y_d);
    cudnnCreateFilterDescriptor(&w_d);
    cudnnCreateConvolutionDescriptor(&conv);
    cudnnSetTensor4dDescriptor(x_d, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, n, c, h, w);
    cudnnSetTensor4dDescriptor(y_d, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, n, k, h, w);
    cudnnSetFilter4dDescriptor(w_d, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, k, c, 3, 3);
    cudnnSetConvolution2dDescriptor(conv, 1, 1, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
    cudnnGetConvolutionForwardWorkspaceSize(handle, x_d, w_d, conv, y_d,
                                            CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, &workspace_bytes);
    cudaMalloc(&x, n * c * h * w * 4);
    cudaMalloc(&filter, k * c * 9 * 4);
    cudaMalloc(&y, n * k * h * w * 4);
    cudaMalloc(&workspace, workspace_bytes);
    std::vector<float> ones(n * c * h * w, 1.f);
    cudaMemcpy(x, ones.data(), n * c * h * w * 4, cudaMemcpyHostToDevice);
    cudaMemcpy(filter, ones.data(), k * c * 9 * 4, cudaMemcpyHostToDevice);
  }
  ~Convolution() {
    cudaFree(x);
    cudaFree(filter);
    cudaFree(y);
    cudaFree(workspace);
    cudnnDestroyTensorDescriptor(x_d);
    cudnnDestroyTensorDescriptor(y_d);
    cudnnDestroyFilterDescriptor(w_d);
    cudnnDestroyConvolutionDescriptor(conv);
    cudnnDestroy(handle);
  }
  cudnnStatus_t forward() {
    return cudnnConvolutionForward(handle, &one, x_d, x, w_d, filter, conv,
                                   CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, workspace, workspace_bytes, &zero,
                                   y_d, y);
  }
};

TEST_F(Vendor, ForwardCountsTheTapsInside) {
  Convolution a;
  ASSERT_EQ(a.forward(), CUDNN_STATUS_SUCCESS);
  std::vector<float> y(a.n * a.k * a.h * a.w);
  cudaMemcpy(y.data(), a.y, y.size() * 4, cudaMemcpyDeviceToHost);
  EXPECT_EQ(y[0], 4 * a.c);                             // a corner sees 2x2 taps
  EXPECT_EQ(y[std::size_t(a.k)], 6 * a.c);              // an edge 2x3
  EXPECT_EQ(y[std::size_t((a.w + 1) * a.k)], 9 * a.c);  // inside all
}

TEST_F(Vendor, WrongDescriptorsAreFound) {
  Convolution a;
  cudnnSetTensor4dDescriptor(a.x_d, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, a.n, a.c, a.h, a.w);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_NOT_SUPPORTED_LAYOUT);
  EXPECT_NE(reports().find("different formats"), std::string::npos);
  cudnnSetTensor4dDescriptor(a.x_d, CUDNN_TENSOR_NHWC, CUDNN_DATA_BFLOAT16, a.n, a.c, a.h, a.w);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM);
  EXPECT_NE(reports().find("different data types"), std::string::npos);
  cudnnSetTensor4dDescriptor(a.x_d, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, a.n, a.c + 1, a.h, a.w);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
  EXPECT_NE(reports().find("groups"), std::string::npos);
  cudnnSetTensor4dDescriptor(a.x_d, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, a.n, a.c, a.h, a.w);
  cudnnSetTensor4dDescriptor(a.y_d, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, a.n, a.k, a.h, a.w - 1);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
  EXPECT_NE(reports().find("extents of the convolution's result"), std::string::npos);
  cudnnTensorDescriptor_t unset;
  cudnnCreateTensorDescriptor(&unset);
  std::swap(unset, a.y_d);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM);
  EXPECT_NE(reports().find("created and not set"), std::string::npos);
  std::swap(unset, a.y_d);
  cudnnDestroyTensorDescriptor(unset);
}

TEST_F(Vendor, SmallWorkspacesAreFound) {
  Convolution a;
  a.workspace_bytes -= 1;
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT);
  EXPECT_NE(reports().find("workspace of"), std::string::npos);
}

TEST_F(Vendor, WorkspacesThatAreNotAsLargeAsSaidAreFound) {
  Convolution a;
  a.workspace_bytes += 1;
  EXPECT_EQ(a.forward(), CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_NE(reports().find("stated size"), std::string::npos);
}

TEST_F(Vendor, OperandsThatAreTooSmallOverlapOrLieOnTheHostAreFound) {
  Convolution a;
  float* const y = a.y;
  a.y = a.x;
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM);
  EXPECT_NE(reports().find("overlap"), std::string::npos);
  a.y = y + 1;
  EXPECT_EQ(a.forward(), CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_NE(reports().find("y is not live device memory"), std::string::npos);
  std::vector<float> host(1000);
  a.y = host.data();
  EXPECT_EQ(a.forward(), CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_NE(reports().find("y is not live device memory"), std::string::npos);
  a.y = y;
}

TEST_F(Vendor, StaleDescriptorsAndStreamsAreFound) {
  Convolution a;
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  ASSERT_EQ(cudnnSetStream(a.handle, stream), CUDNN_STATUS_SUCCESS);
  cudaStreamDestroy(stream);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(cudnnSetStream(a.handle, stream), CUDNN_STATUS_BAD_PARAM);
  EXPECT_NE(reports().find("not a live stream"), std::string::npos);
  cudnnTensorDescriptor_t gone;
  cudnnCreateTensorDescriptor(&gone);
  cudnnDestroyTensorDescriptor(gone);
  std::swap(gone, a.x_d);
  EXPECT_EQ(a.forward(), CUDNN_STATUS_BAD_PARAM);
  EXPECT_NE(reports().find("not a live descriptor"), std::string::npos);
  std::swap(gone, a.x_d);
  cudaGetLastError();
}

TEST_F(Vendor, ALibraryCallOnAnotherStreamWithoutAnEventIsARace) {
  Convolution a;
  cudaStream_t stream, other;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudnnSetStream(a.handle, stream);
  ASSERT_EQ(a.forward(), CUDNN_STATUS_SUCCESS);
  cudaMemsetAsync(a.y, 0, 4, other);
  EXPECT_NE(reports().find("Stream race: cudaMemsetAsync"), std::string::npos);
  cudaStreamDestroy(stream);
  cudaStreamDestroy(other);
}

/// A product of column-major matrices of ones.
struct Product {
  cublasHandle_t handle;
  float *a, *b, *c;
  void* workspace;
  int m = 3, n = 5, k = 4, lda = 3;
  float one = 1, zero = 0;

  Product() {
    cublasCreate(&handle);
    cudaMalloc(&a, 12 * 4);
    cudaMalloc(&b, 20 * 4);
    cudaMalloc(&c, 15 * 4);
    cudaMalloc(&workspace, 1024);
    const std::vector<float> ones(20, 1.f);
    cudaMemcpy(a, ones.data(), 12 * 4, cudaMemcpyHostToDevice);
    cudaMemcpy(b, ones.data(), 20 * 4, cudaMemcpyHostToDevice);
  }
  ~Product() {
    cublasDestroy(handle);
    for (void* p : {static_cast<void*>(a), static_cast<void*>(b), static_cast<void*>(c), workspace}) cudaFree(p);
  }
  cublasStatus_t run() {
    return cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &one, a, CUDA_R_32F, lda, 0, b,
                                      CUDA_R_32F, k, 0, &zero, c, CUDA_R_32F, m, 0, 1, CUBLAS_COMPUTE_32F,
                                      CUBLAS_GEMM_DEFAULT);
  }
};

TEST_F(Vendor, AProductOfOnesIsItsInnerExtent) {
  Product p;
  ASSERT_EQ(p.run(), CUBLAS_STATUS_SUCCESS);
  std::vector<float> c(15);
  cudaMemcpy(c.data(), p.c, 60, cudaMemcpyDeviceToHost);
  EXPECT_EQ(c, std::vector<float>(15, 4.f));
}

TEST_F(Vendor, WrongProductsAreFound) {
  Product p;
  p.lda = 2;
  EXPECT_EQ(p.run(), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_NE(reports().find("leading dimension of A"), std::string::npos);
  p.lda = 4;
  EXPECT_EQ(p.run(), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_NE(reports().find("A is not live device memory"), std::string::npos);
  p.lda = 3;
  p.m = -1;
  EXPECT_EQ(p.run(), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_NE(reports(), "");
}

TEST_F(Vendor, SettingAStreamDropsTheWorkspaceSoACapturedProductFails) {
  Product p;
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  ASSERT_EQ(cublasSetWorkspace(p.handle, p.workspace, 1024), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasSetStream(p.handle, stream), CUBLAS_STATUS_SUCCESS);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
  EXPECT_EQ(p.run(), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_NE(reports().find("workspace"), std::string::npos);
  cudaGraph_t graph;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
  EXPECT_EQ(cublasSetWorkspace(p.handle, static_cast<char*>(p.workspace) + 4, 512), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_NE(reports().find("256"), std::string::npos);
  cudaStreamDestroy(stream);
}

}  // namespace
}  // namespace engram
