#pragma once
/// Elements in device memory, as the cuDNN stand-in reads and writes them.

#include <vector>

#include "emulator/cudnn.h"

namespace emu::dnn {

std::size_t element_bytes(cudnnDataType_t type);
/// `count` elements of memory as double.
std::vector<double> read_elements(const void* from, cudnnDataType_t type, std::size_t count);
/// Rounds to the type (bf16: to nearest, ties to even).
void write_elements(void* to, cudnnDataType_t type, const std::vector<double>& values);

}  // namespace emu::dnn
