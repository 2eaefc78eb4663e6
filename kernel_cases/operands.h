#pragma once
/// What a call of a kernel reads and writes. Each argument struct says it once, in a function `describe` of its
/// family's file here; staging on a device, test data, poison and comparison follow from it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "kernels/common/activation.h"
#include "kernels/common/types.h"

namespace engram::cases {

/// The family of a back end, by its type.
#define ENGRAM_FAMILY_OF(family_name, Family)                                                   \
  inline const kernels::Family##Kernels& family_of(const kernels::Backend& kernels,             \
                                                   const kernels::Family##Kernels* /*which*/) { \
    return kernels.family_name;                                                                 \
  }
ENGRAM_KERNEL_FAMILIES(ENGRAM_FAMILY_OF)
#undef ENGRAM_FAMILY_OF

enum class Role {
  kIn,
  kOut,      ///< written wholly, never read before
  kInOut,    ///< read, and written wholly or in part
  kScratch,  ///< without meaning before and after
};

/// Elements that a walk with strides touches, counted from its first position.
struct Span {
  dim_t first = 0, last = 0;
  bool empty = false;

  dim_t count() const { return empty ? 0 : last - first + 1; }
};
Span span_of(int rank, const dim_t* shape, const dim_t* stride);

/// One pointer of an argument struct.
class Operand {
 public:
  std::string name;
  Role role = Role::kIn;
  std::size_t element_bytes = 1, alignment = 1;
  dim_t count = 0;   ///< elements
  dim_t before = 0;  ///< those of them that lie before the pointer, which strides reach
  bool is_optional = false;
  double low = -1, high = 1;            ///< values of test data
  std::function<void(void*)> content;   ///< test data, where they are no random numbers
  kernels::ActivationShape order = {};  ///< of an activation that references see as planar; else empty
  void (*randomise)(const Operand&, void* to, unsigned seed) = nullptr;
  double (*element)(const void*, dim_t) = nullptr;  ///< null for structs

  std::size_t bytes() const { return std::size_t(count) * element_bytes; }
  /// Test data in host memory that the argument struct points to; null where it says null or `wanted()`.
  const void* given() const;
  bool is_written() const { return role == Role::kOut || role == Role::kInOut; }
  /// Memory of the first element, or null.
  void* memory() const;
  /// Lets the argument struct point into memory for `bytes()`; null is allowed.
  void place(void* memory) const;

  // What `describe` adds.
  Operand& optional() { return is_optional = true, *this; }
  Operand& values(double from, double to) { return low = from, high = to, *this; }
  Operand& filled(std::function<void(void*)> fill) { return content = std::move(fill), *this; }
  Operand& in_order_of(const kernels::ActivationShape& shape) { return order = shape, *this; }

 private:
  friend class Operands;
  void* slot_ = nullptr;  ///< the pointer in the argument struct
  void* (*get_)(void*) = nullptr;
  void (*set_)(void*, void*) = nullptr;
  const void* placeholder_ = nullptr;
};

/// What an argument struct holds in place of an optional operand that test data should have; null unless `is_wanted`.
template <class T>
T* wanted(bool is_wanted = true) {
  static std::remove_const_t<T> placeholder;
  return is_wanted ? &placeholder : nullptr;
}

/// The operands of one call, gathered by `describe(operands, args)`. Refers to the argument struct. A pointer that is
/// null stays null when it is staged; for test data each gets memory, optional ones only where they are `wanted()`, and
/// a copy of what it points to where that is test data of the case's own.
class Operands {
 public:
  /// `kernels`: those that will run the call; they know their workspaces.
  explicit Operands(const kernels::Backend& kernels) : kernels_(kernels) {}

  /// The family of them.
  template <class Family>
  const Family& kernels() const {
    return family_of(kernels_, static_cast<const Family*>(nullptr));
  }
  const std::vector<Operand>& list() const { return list_; }

  template <class T>
  Operand& in(std::string name, const T*& slot, dim_t count) {
    return add<T>(std::move(name), Role::kIn, slot, count);
  }
  template <class T>
  Operand& out(std::string name, T*& slot, dim_t count) {
    return add<T>(std::move(name), Role::kOut, slot, count);
  }
  template <class T>
  Operand& inout(std::string name, T*& slot, dim_t count) {
    return add<T>(std::move(name), Role::kInOut, slot, count);
  }
  /// Operands walked with strides.
  template <class T>
  Operand& in(std::string name, const T*& slot, const Span& span) {
    return spanned(in(std::move(name), slot, span.count()), span);
  }
  template <class T>
  Operand& inout(std::string name, T*& slot, const Span& span) {
    return spanned(inout(std::move(name), slot, span.count()), span);
  }
  /// Pointers without a type.
  Operand& in_bytes(std::string name, const void*& slot, const Span& span, std::size_t element_bytes);
  Operand& out_bytes(std::string name, void*& slot, const Span& span, std::size_t element_bytes);
  Operand& inout_bytes(std::string name, void*& slot, const Span& span, std::size_t element_bytes);
  template <class T>
  void scratch(T*& slot, std::size_t bytes) {
    Operand& operand = add<T>("workspace", Role::kScratch, slot, dim_t(bytes));
    operand.element_bytes = 1;
    operand.alignment = alignof(std::max_align_t);
  }
  /// A copy of a table of structs in host memory, whose pointers are operands too. Lives as long as this.
  template <class T>
  T* table(const T*& slot, int count) {
    auto copy = std::make_shared<std::vector<T>>(slot, slot + count);
    slot = copy->data();
    T* const first = copy->data();
    tables_.push_back(std::move(copy));
    return first;
  }

 private:
  static Operand& spanned(Operand& operand, const Span& span) {
    operand.before = -span.first;
    return operand;
  }
  /// `Pointer`: T* or const T*.
  template <class T, class Pointer>
  Operand& add(std::string name, Role role, Pointer& slot, dim_t count) {
    Operand operand;
    operand.name = std::move(name);
    operand.role = role;
    operand.count = count;
    operand.slot_ = &slot;
    operand.get_ = [](void* at) -> void* { return const_cast<std::remove_const_t<T>*>(*static_cast<Pointer*>(at)); };
    operand.set_ = [](void* at, void* memory) { *static_cast<Pointer*>(at) = static_cast<T*>(memory); };
    if constexpr (!std::is_void_v<T>) {
      operand.element_bytes = sizeof(T);
      operand.alignment = alignof(T);
      operand.placeholder_ = wanted<T>();
    }
    if constexpr (std::is_arithmetic_v<T>) {
      operand.randomise = randomise<T>;
      operand.element = [](const void* at, dim_t i) { return double(static_cast<const T*>(at)[i]); };
      if (std::is_integral_v<T>) operand.values(0, sizeof(T) == 1 ? 256 : sizeof(T) == 2 ? 65536 : 1);
    }
    list_.push_back(std::move(operand));
    return list_.back();
  }
  /// Repeatable values in [low, high).
  template <class T>
  static void randomise(const Operand& operand, void* to, unsigned seed) {
    std::uint32_t state = seed * 2654435761u + 12345u;
    T* const values = static_cast<T*>(to);
    for (dim_t i = 0; i < operand.count; ++i) {
      state = state * 1664525u + 1013904223u;
      const double value = operand.low + (operand.high - operand.low) * double(state >> 8) / 16777216.0;
      values[i] = std::is_integral_v<T> ? T(std::int64_t(value + 65536) - 65536) : T(value);  // rounded down
    }
  }

  const kernels::Backend& kernels_;
  std::vector<Operand> list_;
  std::vector<std::shared_ptr<void>> tables_;
};

}  // namespace engram::cases
