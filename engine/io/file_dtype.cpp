#include "engine/io/file_dtype.h"

namespace engram::io {
namespace {

struct Row {
  FileDType dtype;
  std::string_view name;
  std::size_t bits;
  bool readable = true;
};

/// One row per type, in the order of the enumeration.
constexpr Row kRows[] = {
    {FileDType::kBool, "BOOL", 8},
    {FileDType::kF4, "F4", 4, false},
    {FileDType::kF6E2M3, "F6_E2M3", 6, false},
    {FileDType::kF6E3M2, "F6_E3M2", 6, false},
    {FileDType::kU8, "U8", 8},
    {FileDType::kI8, "I8", 8},
    {FileDType::kF8E5M2, "F8_E5M2", 8},
    {FileDType::kF8E4M3, "F8_E4M3", 8},
    {FileDType::kF8E8M0, "F8_E8M0", 8},
    {FileDType::kF8E4M3FNUZ, "F8_E4M3FNUZ", 8, false},
    {FileDType::kF8E5M2FNUZ, "F8_E5M2FNUZ", 8, false},
    {FileDType::kI16, "I16", 16},
    {FileDType::kU16, "U16", 16},
    {FileDType::kF16, "F16", 16},
    {FileDType::kBF16, "BF16", 16},
    {FileDType::kI32, "I32", 32},
    {FileDType::kU32, "U32", 32},
    {FileDType::kF32, "F32", 32},
    {FileDType::kC64, "C64", 64, false},
    {FileDType::kF64, "F64", 64},
    {FileDType::kI64, "I64", 64},
    {FileDType::kU64, "U64", 64},
};

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<std::size_t>(kRows[i].dtype) != i) return false;
  }
  return true;
}
static_assert(rows_in_order());

}  // namespace

std::size_t file_dtype_bits(FileDType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].bits;
}

bool is_readable(FileDType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].readable;
}

std::string_view file_dtype_name(FileDType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<FileDType> file_dtype_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

}  // namespace engram::io
