#include "models/data/index_list.h"

#include <charconv>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram {

std::vector<dim_t> read_index_list(const std::filesystem::path& path, dim_t count) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 28;
  const io::Bytes bytes = io::read_file(path, kMaxBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<dim_t> indices;
  std::vector<bool> seen(static_cast<std::size_t>(count), false);
  dim_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    dim_t index = -1;
    const auto [stopped, error] = std::from_chars(line.data(), line.data() + line.size(), index);
    if (error != std::errc() || stopped != line.data() + line.size() || index < 0 || index >= count)
      throw DataError(message("[indices] expected an index 0..", count - 1, ", got ",
                              io::quoted_name(std::string(line.substr(0, 40))), " in line ", line_number, " of ",
                              path.string()));
    if (seen[std::size_t(index)])
      throw DataError(message("[indices] expected each index once, got ", index, " again in line ", line_number, " of ",
                              path.string()));
    seen[std::size_t(index)] = true;
    indices.push_back(index);
  }
  if (indices.empty()) throw DataError(message("[indices] expected at least one index, got none in ", path.string()));
  return indices;
}

}  // namespace engram
