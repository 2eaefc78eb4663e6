#pragma once
/// Kernels of a device behind entry points that take host pointers: each call copies its operands to the device's
/// memory and back. What the operands are, `describe` says.

#include <map>
#include <type_traits>
#include <utility>

#include "kernel_cases/device_arrays.h"
#include "kernel_cases/operands.h"
#include "kernels/common/stream.h"

namespace engram::cases {

/// Sets the device of staged calls; before the first of them. `device` lives on.
void stage_on(const CaseDevice& device);
const CaseDevice& staging_device();

/// Its hand-written families, staged; convolutions and matrix products are those of the CPU.
const kernels::Backend& staged_backend();

/// Operands of one call in host memory, mirrored in the memory of the device.
///
/// Copies inputs to the device at `place`, and outputs back when it goes out of scope. The same host memory gives the
/// same device memory, so operands that alias on the host alias on the device. A null pointer stays null. Buffers have
/// exactly the described size; ENGRAM_TEST_OFFSET=n (a multiple of 4) in the environment moves them n bytes past an
/// aligned address, or as far as their type allows next.
class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Lets the argument struct of `operands` point to the device.
  void place(const Operands& operands);

 private:
  struct Buffer {
    void* memory;  ///< as allocated
    char* device;
    std::size_t bytes;
    bool copied_in, copy_out;
  };
  void* mirror(const Operand& operand);
  void* scratch(std::size_t bytes);

  std::map<const void*, Buffer> buffers_;
};

/// `Described`: Args, or a struct derived from it where one argument struct serves entry points of different operands.
template <auto kEntry, class Family, class Args, class Described>
void staged_call(kernels::Stream stream, const Args& args) {
  const kernels::Backend& kernels = staging_device().kernels;
  Described own{args};
  Operands operands(kernels);
  describe(operands, own);
  Staging staging;
  staging.place(operands);
  (family_of(kernels, static_cast<const Family*>(nullptr)).*kEntry)(stream, own);
}

template <auto kEntry, class Described = void, class Family, class Args>
constexpr auto staged_entry(void (*Family::*)(kernels::Stream, const Args&)) {
  return &staged_call<kEntry, Family, Args, std::conditional_t<std::is_void_v<Described>, Args, Described>>;
}
/// Sizes of workspaces: those of the device.
template <auto kSize, class Described = void, class Family, class Result, class... Args>
constexpr auto staged_entry(Result (*Family::*)(Args...)) {
  return +[](Args... args) -> Result {
    return (family_of(staging_device().kernels, static_cast<const Family*>(nullptr)).*kSize)(args...);
  };
}

/// A member of a staged family, for the member of the family's table.
template <auto kEntry, class Described = void>
inline constexpr auto staged = staged_entry<kEntry, Described>(kEntry);

}  // namespace engram::cases

namespace engram::kernels {

// Each in the family's file: kernel_cases/<family>.cpp.
#define ENGRAM_DECLARE_STAGED(family, Family) extern const Family##Kernels kStaged##Family;
ENGRAM_HAND_WRITTEN_FAMILIES(ENGRAM_DECLARE_STAGED)
#undef ENGRAM_DECLARE_STAGED

}  // namespace engram::kernels
