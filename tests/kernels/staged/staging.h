#pragma once
/// Operands of one call in host memory, mirrored in the memory of the device under test.

#include <map>

#include "kernels/common/types.h"

namespace engram::testing {

/// Copies inputs to the device when they are named, and outputs back when it goes out of scope. Naming the same host
/// pointer again gives the same device memory, so operands that alias on the host alias on the device. A null pointer
/// stays null. Buffers have exactly the named size; ENGRAM_TEST_OFFSET=n (a multiple of 4) in the environment moves
/// them n bytes past an aligned address, or as far as their type allows next.
class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  template <class T>
  const T* in(const T* host, dim_t count) {
    return static_cast<const T*>(stage(host, count * dim_t(sizeof(T)), alignof(T), true, false));
  }
  /// Not copied to the device: the call must write all of it.
  template <class T>
  T* out(T* host, dim_t count) {
    return static_cast<T*>(stage(host, count * dim_t(sizeof(T)), alignof(T), false, true));
  }
  template <class T>
  T* inout(T* host, dim_t count) {
    return static_cast<T*>(stage(host, count * dim_t(sizeof(T)), alignof(T), true, true));
  }
  /// Aligned device memory without a host side; null for 0 bytes.
  void* scratch(std::size_t bytes);

  /// The same for operands walked with strides (in elements of `element_bytes`): the range of memory that they span.
  const void* in_strided(const void* host, int rank, const dim_t* shape, const dim_t* stride, int element_bytes);
  void* inout_strided(void* host, int rank, const dim_t* shape, const dim_t* stride, int element_bytes);

 private:
  struct Buffer {
    void* memory;  ///< as allocated
    char* device;
    dim_t bytes;
    bool copied_in, copy_out;
  };

  void* stage(const void* host, dim_t bytes, std::size_t alignment, bool copy_in, bool copy_out);

  std::map<const void*, Buffer> buffers_;
};

}  // namespace engram::testing
