#include "engine/io/foreign_format.h"

#include <algorithm>

namespace engram::io {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kZipNameOffset = 30;  // of the first member's name in a ZIP file (APPNOTE.TXT, 4.3.7)
constexpr std::size_t kTarMagicOffset = 257;

/// The name as it may stand between single quotes within double quotes of a shell, or a word in its place.
std::string quotable(std::string_view path) {
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return c > 32 && c < 127 && "'\"\\$`!"sv.find(char(c)) == std::string_view::npos;
  });
  return plain && !path.empty() ? std::string(path) : "FILE";
}

std::string with_extension(const std::string& path, const char* extension) {
  const std::size_t dot = path.find_last_of("./");
  return (dot != std::string::npos && path[dot] == '.' ? path.substr(0, dot) : path) + extension;
}

/// Loads a state dictionary, also one within a checkpoint, and saves its tensors.
std::string torch_command(const std::string& path) {
  return "convert it with: python3 -c \"import torch, safetensors.torch; s = torch.load('" + path +
         "', map_location='cpu', weights_only=True); safetensors.torch.save_file({k: v.contiguous() for k, v in "
         "s.get('state_dict', s).items()}, '" +
         with_extension(path, ".safetensors") + "')\"";
}

std::string numpy_command(const std::string& path) {
  return "convert it with: python3 -c \"import numpy, safetensors.numpy; a = numpy.load('" + path +
         "'); safetensors.numpy.save_file(dict(a) if hasattr(a, 'files') else {'array': a}, '" +
         with_extension(path, ".safetensors") + "')\"";
}

std::string zip_text(std::string_view head, const std::string& path) {
  const std::string_view names = head.substr(std::min(head.size(), kZipNameOffset));
  if (names.find(".npy"sv) != std::string_view::npos) return "a NumPy archive (.npz); " + numpy_command(path);
  if (names.find("data.pkl"sv) != std::string_view::npos || path.ends_with(".pth") || path.ends_with(".pt"))
    return "a PyTorch checkpoint (a ZIP file with a pickle); " + torch_command(path);
  if (names.find("metadata.json"sv) != std::string_view::npos && path.ends_with(".keras"))
    return "a Keras model; save its weights as safetensors there";
  return "a ZIP file; unpack it, or, where it is a PyTorch checkpoint, " + torch_command(path);
}

}  // namespace

std::string describe_foreign_format(ByteView file, std::string_view name) {
  const std::string_view head = as_text(file.first(std::min<std::size_t>(file.size(), 512)));
  const std::string path = quotable(name);
  const auto begins = [&](std::string_view signature) { return head.starts_with(signature); };
  const auto second = head.size() > 1 ? static_cast<unsigned char>(head[1]) : 0u;
  if (begins("PK\x03\x04"sv)) return zip_text(head, path);
  if (begins("PK\x05\x06"sv)) return "an empty ZIP file";
  if (begins("\x80"sv) && second >= 2 && second <= 5)
    return "a Python pickle, perhaps a PyTorch checkpoint of before 2020; " + torch_command(path);
  if (begins("\x93NUMPY"sv)) return "a NumPy array (.npy); " + numpy_command(path);
  if (begins("\x89HDF\r\n\x1a\n"sv)) return "an HDF5 file (Keras, MATLAB); read it with h5py and save with safetensors";
  if (begins("GGUF"sv)) return "a GGUF file, whose weights are meant for language models";
  if (begins("MATLAB 5.0"sv)) return "a MATLAB file; read it with scipy.io and save with safetensors";
  if (begins("\x1f\x8b"sv)) return "a gzip file; unpack it (tar xzf or gunzip)";
  if (begins("BZh"sv) ||
      begins("\xfd"
             "7zXZ"sv) ||
      begins("\x28\xb5\x2f\xfd"sv) || begins("7z\xbc\xaf"sv))
    return "a compressed file; unpack it";
  if (head.size() > kTarMagicOffset && head.substr(kTarMagicOffset).starts_with("ustar"sv))
    return "a tar archive; unpack it";
  if (begins("version https://git-lfs"sv)) return "a Git LFS pointer; fetch the file itself with: git lfs pull";
  if (begins("\x89PNG"sv) || begins("\xff\xd8\xff"sv) || begins("GIF8"sv)) return "an image";
  if (begins("<!DOCTYPE"sv) || begins("<!doctype"sv) || begins("<html"sv))
    return "a web page; perhaps the download needs a sign-in";
  // ModelProto's first field is the version of the format, a small number; the second is the producer's name.
  if (begins("\x08"sv) && second >= 3 && second <= 15 && head.size() > 2 && head[2] == '\x12')
    return "an ONNX model; export its weights with safetensors from where it was made";
  if (begins("{"sv) || begins("[{"sv)) return "a JSON text";
  return "";
}

}  // namespace engram::io
