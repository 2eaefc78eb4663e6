#pragma once
/// The launch macro on the emulator.

#include <cstddef>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "emulator/dialect/keywords.h"
#include "emulator/dialect/vector_types.h"
#include "emulator/pointer_argument.h"
#include "emulator/runtime_api.h"
#include "emulator/source_location.h"

namespace emu {

/// A launch before the engine has copied its arguments: `bytes` bytes at `call`, which `entry` understands.
struct CallSite {
  const char* kernel;
  SourceLocation where;
  const void* function;
  void (*entry)(const void* call);
  const void* call;
  std::size_t bytes;
  std::vector<PointerArgument> pointers;
};

/// Launches on the engine, or hands the launch to the runtime's sink.
void submit_call(CallSite site, dim3 grid, dim3 block, std::size_t smem_bytes, cudaStream_t stream);

/// What a launch keeps: the kernel and its arguments, converted to the parameter types once, as CUDA does.
template <class... Parameters>
struct KernelCall {
  void (*kernel)(Parameters...);
  std::tuple<std::remove_cvref_t<Parameters>...> arguments;

  EMU_UNINSTRUMENTED static void run(const void* call) {
    const auto& self = *static_cast<const KernelCall*>(call);
    std::apply(self.kernel, self.arguments);
  }
};

/// Appends the addresses in one argument: a pointer, or whatever lies at a multiple of eight bytes in a struct.
template <class T>
EMU_UNINSTRUMENTED void append_pointers(std::vector<PointerArgument>& pointers, const T& argument) {
  if constexpr (std::is_pointer_v<T>) {
    if (argument) pointers.push_back({argument, !std::is_const_v<std::remove_pointer_t<T>>});
  } else if constexpr (std::is_class_v<T> && sizeof(T) >= sizeof(void*)) {
    for (std::size_t at = 0; at + sizeof(void*) <= sizeof(T); at += sizeof(void*)) {
      const void* address;
      std::memcpy(&address, reinterpret_cast<const char*>(&argument) + at, sizeof address);
      if (address) pointers.push_back({address, true});
    }
  }
}

template <class... Parameters, class... Arguments>
void launch(const char* name, SourceLocation where, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            std::size_t smem_bytes, cudaStream_t stream, Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "as many arguments as the kernel has parameters");
  static_assert((std::is_trivially_destructible_v<std::remove_cvref_t<Parameters>> && ...),
                "kernel parameters are copied as bytes");
  static_assert(((!std::is_reference_v<Parameters> || std::is_const_v<std::remove_reference_t<Parameters>>)&&...),
                "kernel parameters are values, or EMU_GRID_CONSTANT");
  using Call = KernelCall<Parameters...>;
  static_assert(sizeof(Call) <= 32764 && alignof(Call) <= 16, "kernel parameters take at most 32,764 bytes");
  const Call call{kernel, {static_cast<Parameters>(arguments)...}};
  CallSite site{name, where, reinterpret_cast<const void*>(kernel), &Call::run, &call, sizeof(Call), {}};
  std::apply([&](const auto&... values) { (append_pointers(site.pointers, values), ...); }, call.arguments);
  submit_call(std::move(site), grid, block, smem_bytes, stream);
}

}  // namespace emu

#define EMU_LAUNCH(kernel, grid, block, smem_bytes, stream, ...)                                             \
  ::emu::launch(#kernel, ::emu::SourceLocation{__FILE__, __LINE__}, (kernel), (grid), (block), (smem_bytes), \
                (stream)__VA_OPT__(, ) __VA_ARGS__)
