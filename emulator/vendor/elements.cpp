#include "emulator/vendor/elements.h"

#include <bit>
#include <cstdint>

namespace emu::dnn {

std::size_t element_bytes(cudnnDataType_t type) {
  return type == CUDNN_DATA_DOUBLE ? 8 : type == CUDNN_DATA_BFLOAT16 ? 2 : 4;
}

std::vector<double> read_elements(const void* from, cudnnDataType_t type, std::size_t count) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (type == CUDNN_DATA_DOUBLE)
      values[i] = static_cast<const double*>(from)[i];
    else if (type == CUDNN_DATA_FLOAT)
      values[i] = double(static_cast<const float*>(from)[i]);
    else
      values[i] = double(std::bit_cast<float>(std::uint32_t(static_cast<const std::uint16_t*>(from)[i]) << 16));
  }
  return values;
}

void write_elements(void* to, cudnnDataType_t type, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (type == CUDNN_DATA_DOUBLE) {
      static_cast<double*>(to)[i] = values[i];
    } else if (type == CUDNN_DATA_FLOAT) {
      static_cast<float*>(to)[i] = float(values[i]);
    } else {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(float(values[i]));
      static_cast<std::uint16_t*>(to)[i] = std::uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
  }
}

}  // namespace emu::dnn
