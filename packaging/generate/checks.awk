# SPDX-License-Identifier: Apache-2.0
# --list of nexodus-plugin-check, a check and what it is about on each line -> a manual page's part.
function text(line) {
	gsub(/\\/, "\\e", line)
	gsub(/-/, "\\-", line)
	return line
}
NR == 1 { print ".SH CHECKS" }
{
	at = match($0, /  +/)
	printf ".TP\n.B %s\n%s.\n", text(substr($0, 1, at - 1)), text(substr($0, at + RLENGTH))
}
