#pragma once
/// The launch macro on the emulator.

#include <memory>
#include <tuple>
#include <type_traits>

#include "emulator/dialect/keywords.h"
#include "emulator/dialect/vector_types.h"
#include "emulator/launch.h"
#include "emulator/runtime_api.h"

namespace emu {

/// What a launch keeps: the kernel and its arguments, converted to the parameter types once, as CUDA does.
template <class... Parameters>
struct KernelCall {
  void (*kernel)(Parameters...);
  std::tuple<Parameters...> arguments;

  EMU_UNINSTRUMENTED static void run(const void* call) {
    const auto& self = *static_cast<const KernelCall*>(call);
    std::apply(self.kernel, self.arguments);
  }
};

template <class... Parameters, class... Arguments>
void launch(const char* name, SourceLocation where, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            std::size_t smem_bytes, cudaStream_t stream, Arguments&&... arguments) {
  static_assert((std::is_trivially_destructible_v<Parameters> && ...), "kernel parameters are copied as bytes");
  static_assert(!(std::is_reference_v<Parameters> || ...), "kernel parameters are values");
  using Call = KernelCall<Parameters...>;
  static_assert(sizeof(Call) <= 32764, "kernel parameters take at most 32,764 bytes");
  Launch launch;
  launch.kernel = name;
  launch.function = reinterpret_cast<const void*>(kernel);
  launch.where = where;
  launch.grid = {grid.x, grid.y, grid.z};
  launch.block = {block.x, block.y, block.z};
  launch.dynamic_shared_bytes = smem_bytes;
  launch.stream = stream;
  launch.entry = &Call::run;
  launch.argument_bytes = sizeof(Call);
  launch.arguments =
      std::shared_ptr<const Call>(new Call{kernel, std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)});
  submit(std::move(launch));
}

}  // namespace emu

#define EMU_LAUNCH(kernel, grid, block, smem_bytes, stream, ...)                                             \
  ::emu::launch(#kernel, ::emu::SourceLocation{__FILE__, __LINE__}, (kernel), (grid), (block), (smem_bytes), \
                (stream)__VA_OPT__(, ) __VA_ARGS__)
