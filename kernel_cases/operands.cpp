#include "kernel_cases/operands.h"

namespace engram::cases {

Span span_of(int rank, const dim_t* shape, const dim_t* stride) {
  Span span;
  for (int i = 0; i < rank; ++i) {
    if (shape[i] == 0) span.empty = true;
    (stride[i] < 0 ? span.first : span.last) += (shape[i] - 1) * stride[i];
  }
  if (span.empty) span.first = 0;
  return span;
}

void* Operand::memory() const {
  char* const pointer = static_cast<char*>(get_(slot_));
  return pointer ? pointer - before * dim_t(element_bytes) : nullptr;
}

const void* Operand::given() const {
  return get_(slot_) == placeholder_ ? nullptr : memory();
}

void Operand::place(void* memory) const {
  set_(slot_, memory ? static_cast<char*>(memory) + before * dim_t(element_bytes) : nullptr);
}

Operand& Operands::in_bytes(std::string name, const void*& slot, const Span& span, std::size_t element_bytes) {
  Operand& operand = spanned(add<void>(std::move(name), Role::kIn, slot, span.count()), span);
  operand.element_bytes = operand.alignment = element_bytes;
  operand.content = [bytes = operand.bytes()](void* to) {
    for (std::size_t i = 0; i < bytes; ++i) static_cast<unsigned char*>(to)[i] = (unsigned char)(i * 2654435761u >> 24);
  };
  return operand;
}

Operand& Operands::out_bytes(std::string name, void*& slot, const Span& span, std::size_t element_bytes) {
  Operand& operand = spanned(add<void>(std::move(name), Role::kOut, slot, span.count()), span);
  operand.element_bytes = operand.alignment = element_bytes;
  return operand;
}

Operand& Operands::inout_bytes(std::string name, void*& slot, const Span& span, std::size_t element_bytes) {
  Operand& operand = out_bytes(std::move(name), slot, span, element_bytes);
  operand.role = Role::kInOut;
  operand.content = [bytes = operand.bytes()](void* to) {
    for (std::size_t i = 0; i < bytes; ++i) static_cast<unsigned char*>(to)[i] = 77;
  };
  return operand;
}

}  // namespace engram::cases
