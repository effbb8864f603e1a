# SPDX-License-Identifier: Apache-2.0
# --help of each command of nexctl, "@command" before each, and at last, after "@every", the options that
# all of them have -> a manual page's part.
function text(line) {
	gsub(/\\/, "\\e", line)
	gsub(/-/, "\\-", line)
	return line
}
function words(line) {
	line = text(line)
	return line ~ /^[.']/ ? "\\&" line : line
}
/^@command/ { first = 1; next }
/^@every/ { every = 1; print ".SH OPTIONS OF EVERY COMMAND"; next }
/^Options of every command:/ { skip = !every; next }
first && /^Usage: / {
	skip = 0
	first = 0
	sub(/^Usage: nexctl /, "")
	printf ".SS %s\n", text($0)
	next
}
skip || /^$/ || /^Options:/ { next }
/^  --/ {
	line = substr($0, 3)
	at = match(line, /  +/)
	printf ".TP\n.B %s\n", text(at ? substr(line, 1, at - 1) : line)
	if (at)
		print words(substr(line, at + RLENGTH))
	next
}
{ sub(/^ +/, ""); print words($0) }
