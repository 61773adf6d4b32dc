// Capture files for the tests of this layer, built byte by byte in either byte order.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "attach/capture.h"

namespace sallyport::testing {

class CaptureBuilder {
 public:
  explicit CaptureBuilder(bool big_endian = false) : big_(big_endian) {}

  CaptureBuilder& u8(uint8_t value) { return bytes.push_back(value), *this; }
  CaptureBuilder& u16(uint16_t value) { return number(value, 2); }
  CaptureBuilder& u32(uint32_t value) { return number(value, 4); }
  CaptureBuilder& text(std::string_view value) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }
  CaptureBuilder& data(const std::vector<uint8_t>& value) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }
  CaptureBuilder& pad() {
    bytes.resize((bytes.size() + 3) / 4 * 4);
    return *this;
  }

  CaptureBuilder& pcap(uint32_t magic, uint32_t link_type) {
    return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(262144).u32(link_type);
  }
  CaptureBuilder& pcap_record(uint32_t seconds, uint32_t fraction,
                              const std::vector<uint8_t>& frame, uint32_t wire = 0) {
    uint32_t size = static_cast<uint32_t>(frame.size());
    return u32(seconds).u32(fraction).u32(size).u32(wire ? wire : size).data(frame);
  }

  // A pcapng block around what `body` appends.
  CaptureBuilder& block(uint32_t type, const CaptureBuilder& body) {
    uint32_t length = static_cast<uint32_t>(body.bytes.size() + 12);
    return u32(type).u32(length).data(body.bytes).u32(length);
  }
  CaptureBuilder& section() {
    CaptureBuilder body(big_);
    body.u32(0x1a2b3c4d).u16(1).u16(0).u32(~0u).u32(~0u);
    return block(0x0a0d0d0a, body);
  }
  CaptureBuilder& option(uint16_t code, std::string_view value) {
    return u16(code).u16(static_cast<uint16_t>(value.size())).text(value).pad();
  }
  CaptureBuilder& interface(uint16_t link_type, const CaptureBuilder& options,
                            uint32_t snaplen = 0) {
    CaptureBuilder body(big_);
    body.u16(link_type).u16(0).u32(snaplen).data(options.bytes);
    return block(1, body);
  }
  CaptureBuilder& packet(uint32_t interface, uint64_t ticks, const std::vector<uint8_t>& frame,
                         uint32_t wire = 0) {
    CaptureBuilder body(big_);
    uint32_t size = static_cast<uint32_t>(frame.size());
    body.u32(interface).u32(static_cast<uint32_t>(ticks >> 32)).u32(static_cast<uint32_t>(ticks));
    body.u32(size).u32(wire ? wire : size).data(frame).pad();
    return block(6, body);
  }
  CaptureBuilder nothing() const { return CaptureBuilder(big_); }

  std::vector<uint8_t> bytes;

 private:
  CaptureBuilder& number(uint32_t value, int size) {
    for (int i = 0; i < size; i++) {
      int shift = big_ ? 8 * (size - 1 - i) : 8 * i;
      bytes.push_back(static_cast<uint8_t>(value >> shift));
    }
    return *this;
  }
  bool big_;
};

// All records, in bursts of three.
inline std::vector<Record> read_all(Capture& capture) {
  std::vector<Record> all;
  Record burst[3];
  while (size_t count = capture.read(burst)) all.insert(all.end(), burst, burst + count);
  return all;
}

}  // namespace sallyport::testing
