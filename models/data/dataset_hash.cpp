#include "models/data/dataset_hash.h"

#include "engine/io/sha256.h"
#include "kernels/common/error.h"

namespace engram {

std::string dataset_sha256(const ImageDataset& data) {
  std::string head = message(data.count, " ", data.channels, " ", data.height, " ", data.width, " ", data.num_classes);
  for (const std::string& name : data.class_names)
    head += message(" ", name.size(), ":", name);  // lengths tell them apart
  for (const std::string& name : data.context_names) head += message(" context ", name.size(), ":", name);
  io::Sha256 hash;
  hash.update(io::as_bytes(head));
  io::Bytes labels;
  for (const std::int32_t label : data.labels) io::append_le(labels, label);
  for (const std::int32_t context : data.contexts) io::append_le(labels, context);
  hash.update(labels);
  hash.update(data.pixels);
  return io::hex(hash.finish());
}

}  // namespace engram
