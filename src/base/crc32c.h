// CRC-32C (Castagnoli), the checksum of Kafka's record batches and of our own files. Uses the crc32 instruction of
// SSE 4.2 where the processor has it.
#pragma once

#include <cstdint>
#include <string_view>

namespace headrace {

// The checksum of `bytes`. With the checksum of what stands before them as `crc`, the checksum of both together:
// crc32c(b, crc32c(a)) == crc32c(a + b).
uint32_t crc32c(std::string_view bytes, uint32_t crc = 0);

// The same from the checksums of both parts, without their bytes: that of `a`, and that of `b` and its size. Takes
// about as long as the checksum of 8 KiB.
uint32_t crc32c_joined(uint32_t a, uint32_t b, uint64_t b_size);

namespace detail {

// The two ways to compute it, for tests.
uint32_t crc32c_by_table(std::string_view bytes, uint32_t crc);
bool crc32c_instruction_exists();
uint32_t crc32c_by_instruction(std::string_view bytes, uint32_t crc);

}  // namespace detail
}  // namespace headrace
