package place

import "flavorpack-native/launchers/go/internal/store/folder"

// homeOfRoot is what the password database says of user 0. Only /etc/passwd is asked: the C library, which knows
// further sources, is not linked, and root stands in that file on every system that has one.
func homeOfRoot() string {
	const otherwise = "/root"
	etc, err := folder.OpenPath("/etc")
	if err != nil {
		return otherwise
	}
	defer etc.Close()
	file, err := etc.Read("passwd")
	if err != nil {
		return otherwise
	}
	defer func() { _ = file.Close() }()
	text := make([]byte, 1<<20)
	length := 0
	for length < len(text) {
		n, err := file.Read(text[length:])
		if err != nil || n == 0 {
			break
		}
		length += n
	}
	if home, ok := homeIn(string(text[:length])); ok {
		return home
	}
	return otherwise
}

// homeIn finds the home of user 0 in lines `name:password:user:group:comment:home:shell`.
func homeIn(text string) (string, bool) {
	for len(text) > 0 {
		end := 0
		for end < len(text) && text[end] != '\n' {
			end++
		}
		line := text[:end]
		text = text[min(end+1, len(text)):]
		var fields [7]string
		field, begin := 0, 0
		for at := 0; at <= len(line) && field < len(fields); at++ {
			if at == len(line) || line[at] == ':' {
				fields[field] = line[begin:at]
				field, begin = field+1, at+1
			}
		}
		if fields[2] == "0" && len(fields[5]) > 0 && fields[5][0] == '/' {
			return fields[5], true
		}
	}
	return "", false
}
