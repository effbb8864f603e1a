# SPDX-License-Identifier: Apache-2.0
# --check-config of a program that was given as little as possible -> each section with its keys,
# for a configuration file (kind=sample) or for a manual page (kind=keys).
function text(line) {
	gsub(/\\/, "\\e", line)
	gsub(/-/, "\\-", line)
	return line
}
function section_begin() {
	if (section == "")
		return
	printf kind == "sample" ? "\n[%s]\n" : ".SS Section [%s]\n", section
	section = ""
}
/^\[/ { section = substr($0, 2, length($0) - 2) }
/^# .* \([^()]*\)$/ { summary = substr($0, 3); sub(/ \([^()]*\)$/, "", summary) }
/^[a-z0-9-]+ = / && $1 != "config" {
	key = $1
	value = substr($0, length(key) + 4)
	if (key == "plugin-directory")
		value = installed
	if (key == "service-url")
		value = ""
	section_begin()
	if (kind == "sample") {
		printf "# %s\n#%s = %s\n", summary, key, value
	} else {
		printf ".TP\n.B %s\n%s.\n", text(key), text(summary)
		if (value != "")
			printf "Default: \\fI%s\\fR.\n", text(value)
	}
}
