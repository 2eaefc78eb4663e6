#pragma once
/// Calls of kernel families at stated sizes, each with its operands, cost and reference. Tests on every back end,
/// counts on the emulator, mutation of synchronisation and timings iterate them.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel_cases/device_arrays.h"
#include "kernel_cases/expected.h"
#include "kernel_cases/operands.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::cases {

/// A call whose operands are on a device.
struct PreparedCall {
  std::function<void()> run;  ///< queues work on the default stream
  std::shared_ptr<const Operands> operands;
  /// Names the results that the family's reference gives, of operands in host memory; empty for calls that only move or
  /// draw.
  std::function<void(Expected&)> expect = nullptr;

  void operator()() const { run(); }
};

/// What a call may ask of the memory system beyond the usual limits, with the reason.
struct Allowance {
  double bytes_over_minimum = 1.05, sector_efficiency = 0.95;
  std::string why;
};

/// One call of a family's entry point.
struct KernelCase {
  std::string name;   ///< "family/entry"
  std::string shape;  ///< "16x64x8x8", and after a comma parameters
  Cost cost;          ///< the family's declared minimum for this call
  /// Makes the operands, and runs the call before this one if there is one.
  std::function<PreparedCall(DeviceArrays&)> prepare;
  /// Bank conflicts that the family declares for this call, and why it cannot do without.
  std::uint64_t declared_conflicts = 0;
  std::string why_conflicts = {};
  Allowance allowance = {};
  /// Makes the operands; inputs that `earlier` has under the same name are its memory.
  std::function<PreparedCall(DeviceArrays&, const PreparedCall* earlier)> make = nullptr;
  /// Says the algorithm of a call that ran, where the CPU's back end chooses one.
  std::function<std::string()> plan = nullptr;

  std::string title() const { return name + " " + shape; }
  std::string family() const { return name.substr(0, name.find('/')); }
  KernelCase& with_conflicts(std::uint64_t conflicts, std::string why) {
    return declared_conflicts = conflicts, why_conflicts = std::move(why), *this;
  }
  KernelCase& planned(std::function<std::string()> says) { return plan = std::move(says), *this; }
  KernelCase& allowed(const Allowance& more) { return allowance = more, *this; }
  /// Takes the results of another call, as a backward call does.
  KernelCase& following(const KernelCase& earlier);
};

/// Extents of rows of numbers.
struct Matrix {
  dim_t rows, width;
};

/// Which sizes.
enum class CaseSize {
  kOdd,      ///< small extents that end inside vectors, packs and blocks; values of parameters
  kNetwork,  ///< layers of the CIFAR networks; `scale` multiplies a small batch
  kLarge,    ///< about `scale` MB
};

/// Order of activations at the sizes of networks and large ones.
enum class ActivationOrder {
  kChannelsLast,  ///< as on CUDA
  kBlocked,       ///< in blocks of 16 where that divides the channels, as on the CPU
  kPlanar,
};

/// Which cases.
struct CaseRequest {
  CaseSize size = CaseSize::kLarge;
  std::int64_t scale = 1;
  ActivationOrder order = ActivationOrder::kChannelsLast;
};

/// Gathers the cases of a request. Families' `add_<family>_cases` fill it.
class CaseList {
 public:
  explicit CaseList(const CaseRequest& request) : request_(request) {}

  std::int64_t scale() const { return request_.scale; }
  bool odd() const { return request_.size == CaseSize::kOdd; }
  bool large() const { return request_.size == CaseSize::kLarge; }
  bool channels_last() const { return request_.order == ActivationOrder::kChannelsLast; }
  /// The channel block of an activation in the request's order.
  dim_t block_of(dim_t channels) const {
    if (channels_last()) return channels;
    return request_.order == ActivationOrder::kBlocked && channels % kCpuChannelBlock == 0 ? kCpuChannelBlock : 1;
  }
  /// The sizes of the request.
  template <class T>
  std::vector<T> sizes(std::vector<T> odd, std::vector<T> network, std::vector<T> large) const {
    return request_.size == CaseSize::kOdd ? odd : request_.size == CaseSize::kNetwork ? network : large;
  }
  /// The same for activations: those of networks and large ones in the order of the request, n times the scale.
  std::vector<kernels::ActivationShape> activations(std::vector<kernels::ActivationShape> odd,
                                                    std::vector<kernels::ActivationShape> network,
                                                    std::vector<kernels::ActivationShape> large) const;

  /// `entry(kernels)` is the entry point in a back end; `args` has its extents and parameters, and `wanted()` for
  /// optional operands; `expect(args, expected)` gets them with their operands; it may be null.
  template <class Entry, class Args>
  KernelCase& add(std::string name, std::string shape, Entry entry, const Args& args, const Cost& cost,
                  void (*expect)(const Args&, Expected&) = nullptr) {
    KernelCase one{std::move(name), std::move(shape), cost, {}};
    one.make = [entry, args, expect](DeviceArrays& device, const PreparedCall* earlier) {
      auto own = std::make_shared<Args>(args);
      auto operands = std::make_shared<Operands>(device.kernels());
      describe(*operands, *own);
      fill(*operands, device, earlier);
      // The operands hold tables that the arguments point to.
      PreparedCall prepared{[call = entry(device.kernels()), own, operands] { call({}, *own); }, operands};
      if (expect) prepared.expect = [expect, own](Expected& expected) { expect(*own, expected); };
      return prepared;
    };
    one.prepare = [make = one.make](DeviceArrays& device) { return make(device, nullptr); };
    cases_.push_back(std::move(one));
    return cases_.back();
  }
  std::vector<KernelCase> take() { return std::move(cases_); }

 private:
  static void fill(const Operands& operands, DeviceArrays& device, const PreparedCall* earlier);

  CaseRequest request_;
  std::vector<KernelCase> cases_;
};

/// Every case of the families whose kernels are written by hand, in the order of kernels/families.h.
std::vector<KernelCase> family_cases(const CaseRequest& request);
/// Those of the families that are libraries on CUDA, which takes channels-last activations only, the CPU the others.
std::vector<KernelCase> library_cases(const CaseRequest& request);

/// Extents as text: "512x100".
std::string shape_text(std::initializer_list<dim_t> extents);
std::string shape_text(const kernels::ActivationShape& shape);

}  // namespace engram::cases
