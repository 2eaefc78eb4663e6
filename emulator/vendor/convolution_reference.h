#pragma once
/// Plain two-dimensional convolution for the cuDNN stand-in, summed in double, on copies of the operands alone.

#include <cstdint>
#include <vector>

#include "emulator/cudnn.h"

namespace emu::dnn {

/// One convolution: x [n,c,h,w], w [k,c/groups,r,s], y [n,k,p,q], all packed in one format.
struct ConvolutionProblem {
  cudnnTensorFormat_t format;
  cudnnDataType_t type;
  int n, c, h, w, k, r, s, p, q;
  int pad_h, pad_w, stride_h, stride_w, groups;

  std::size_t x_count() const { return std::size_t(n) * c * h * w; }
  std::size_t w_count() const { return std::size_t(k) * (c / groups) * r * s; }
  std::size_t y_count() const { return std::size_t(n) * k * p * q; }
};

std::vector<double> forward(const ConvolutionProblem& problem, const std::vector<double>& x,
                            const std::vector<double>& w);
std::vector<double> backward_data(const ConvolutionProblem& problem, const std::vector<double>& dy,
                                  const std::vector<double>& w);
std::vector<double> backward_filter(const ConvolutionProblem& problem, const std::vector<double>& x,
                                    const std::vector<double>& dy);

}  // namespace emu::dnn
