# METADATA
# title: by time
# description: |
#   For conditions, which are asked at the call: grants are asked for when the policy changes, and would keep the hour of
#   that moment. A zone is a name such as "Europe/Berlin" or "UTC".
package writ.lib.hours

# From one hour up to another, past midnight where the first is the later. Hours are numbers: a text such as "22:00" would
# come after every number, and the condition would hold at all times.
between(from, to, zone) if {
	is_number(from)
	is_number(to)
	from < to
	[hour, _, _] := time.clock([time.now_ns(), zone])
	hour >= from
	hour < to
}

between(from, to, zone) if {
	is_number(from)
	is_number(to)
	from > to
	[hour, _, _] := time.clock([time.now_ns(), zone])
	not inside(hour, to, from)
}

inside(hour, from, to) if {
	hour >= from
	hour < to
}

weekday(zone) if not time.weekday([time.now_ns(), zone]) in {"Saturday", "Sunday"}

# Times are RFC 3339, such as "2027-01-01T00:00:00Z".
before(moment) if time.now_ns() < time.parse_rfc3339_ns(moment)

after(moment) if time.now_ns() >= time.parse_rfc3339_ns(moment)
