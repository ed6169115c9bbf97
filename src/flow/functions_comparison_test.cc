// What PostgreSQL 15 finds equal, less and greater.
#include "flow/testing_functions.h"

namespace headrace {
namespace {

TEST(Comparison, Operators) {
  testing::run_cases(R"cases(
= ; integer '1' ; integer '1' => boolean 'true'
= ; integer '1' ; bigint '1' => boolean 'true'
<> ; smallint '1' ; integer '2' => boolean 'true'
< ; integer '1' ; numeric '1.5' => boolean 'true'
< ; numeric '1.5' ; double precision '1.25' => boolean 'false'
= ; numeric '1.0' ; numeric '1.000' => boolean 'true'
>= ; numeric '-1.5' ; numeric '-1.50' => boolean 'true'
< ; numeric '-100' ; numeric '0.5' => boolean 'true'
= ; double precision 'NaN' ; double precision 'NaN' => boolean 'true'
< ; double precision 'Infinity' ; double precision 'NaN' => boolean 'true'
> ; double precision 'NaN' ; double precision '1' => boolean 'true'
<= ; double precision '1' ; double precision 'NaN' => boolean 'true'
<> ; double precision '1' ; double precision 'NaN' => boolean 'true'
>= ; double precision '1' ; double precision 'NaN' => boolean 'false'
= ; real '0.1' ; double precision '0.1' => boolean 'false'
= ; double precision '-0' ; double precision '0' => boolean 'true'
= ; text 'a' ; text 'a' => boolean 'true'
< ; text 'B' ; text 'a' => boolean 'true'
< ; text 'a' ; text 'ab' => boolean 'true'
> ; text 'é' ; text 'z' => boolean 'true'
= ; text 'a' ; unknown 'b' => boolean 'false'
= ; unknown 'a' ; unknown 'a' => boolean 'true'
< ; integer '5' ; unknown '10' => boolean 'true'
= ; boolean 't' ; boolean 'f' => boolean 'false'
> ; boolean 't' ; boolean 'f' => boolean 'true'
= ; date '2001-01-01' ; date '2001-01-01' => boolean 'true'
< ; date '2001-01-01' ; timestamptz '2001-01-01 00:00:01Z' => boolean 'true'
= ; timestamptz '2001-01-01 00:00:00Z' ; unknown '2001-01-01 02:00:00+02' => boolean 'true'
= ; interval '1 month' ; interval '30 days' => boolean 'true'
< ; interval '1 day' ; interval '25 hours' => boolean 'true'
> ; interval '1 month' ; interval '29 days 23:59:59' => boolean 'true'
= ; uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' ; unknown 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' => boolean 'true'
< ; bytea '\x00ff' ; bytea '\x01' => boolean 'true'
= ; jsonb '{"a":1,"b":[1,2]}' ; jsonb '{"b":[1,2],"a":1}' => boolean 'true'
= ; jsonb '1' ; jsonb '2' => boolean 'false'
= ; integer NULL ; integer '1' => boolean NULL
is distinct from ; integer NULL ; integer '1' => boolean 'true'
is distinct from ; integer NULL ; integer NULL => boolean 'false'
is distinct from ; integer '1' ; integer '1' => boolean 'false'
is distinct from ; integer '1' ; bigint '2' => boolean 'true'
is distinct from ; text 'a' ; text 'b' => boolean 'true'
is distinct from ; double precision 'NaN' ; double precision 'NaN' => boolean 'false'
is not distinct from ; text NULL ; text NULL => boolean 'true'
is not distinct from ; text 'a' ; text NULL => boolean 'false'
is not distinct from ; numeric '1.0' ; numeric '1' => boolean 'true'
is distinct from ; interval '24 hours' ; interval '1 day' => boolean 'false'
is distinct from ; jsonb '{"a":1}' ; jsonb '{"a":1}' => boolean 'false'
= ; integer '1' ; text '1' => refused
= ; date '2001-01-01' ; integer '1' => refused
greatest ; integer '1' ; integer '3' ; integer '2' => integer '3'
greatest ; integer '1' ; numeric '1.5' => numeric '1.5'
greatest ; integer NULL ; integer '1' => integer '1'
greatest ; integer NULL ; integer NULL => integer NULL
least ; text 'b' ; text 'a' ; text 'c' => text 'a'
least ; double precision 'NaN' ; double precision '1' => double precision '1'
greatest ; double precision 'NaN' ; double precision '1' => double precision 'NaN'
least ; timestamptz '2001-01-01 00:00:00Z' ; date '2000-01-01' => timestamptz '2000-01-01 00:00:00+00'
least ; integer '1' ; unknown '2' => integer '1'
greatest ; interval '1 day' ; interval '25 hours' => interval '25:00:00'
coalesce ; integer NULL ; integer '2' => integer '2'
coalesce ; text NULL ; text NULL => text NULL
coalesce ; integer '1' ; bigint '2' => bigint '1'
coalesce ; integer NULL ; numeric '2.50' => numeric '2.50'
coalesce ; text 'a' ; unknown 'b' => text 'a'
nullif ; integer '1' ; integer '1' => integer NULL
nullif ; integer '1' ; integer '2' => integer '1'
nullif ; text 'a' ; text NULL => text 'a'
nullif ; text NULL ; text 'a' => text NULL
nullif ; text '' ; unknown '' => text NULL
nullif ; double precision 'NaN' ; double precision 'NaN' => double precision NULL
coalesce ; integer '1' ; text 'a' => refused
nullif ; integer '1' ; bigint '1' => integer NULL
nullif ; integer '1' ; numeric '2' => numeric '1'
nullif ; real '0.1' ; double precision '0.1' => real '0.1'
nullif ; bigint '1' ; real '2' => double precision '1'
is distinct from ; integer '16777217' ; real '16777216' => boolean 'true'
)cases");
}

}  // namespace
}  // namespace headrace
