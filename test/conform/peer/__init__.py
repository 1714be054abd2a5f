"""A scripted WebSocket peer that sends what the Autobahn test suite sends, groups 1-7, 9, 10, 12
and 13, and judges what comes back as the suite does. Both roles; standard library only.

    frames, decoder     octets (RFC 6455 5)
    link                a socket that is written in chosen pieces
    session             a connection from the opening handshake to its end, and who ended it how
    case, cases         what a case is, and all of them; table: groups 1-7, limits: 9 and 10
    extension, deflate  Sec-WebSocket-Extensions, and compressed messages (RFC 7692)
    compressed, deflated    groups 12 and 13, and all cases of permessage-deflate; deflate_data:
                        what is sent; mixed, blocks: cases of our own
    judge, play         what has come against what had to come; one case on one session
    handshake           the opening handshake, both sides (RFC 6455 4)
    server, client      the two roles
    report              lines for people, JSON for programs
    choice              cases by patterns of their names

The opening handshake, which the suite leaves out:

    steps               ways to write octets: cut, dribbled, ended, reset
    answer, answers     what an answer of a server is, and all of them; answers_status, _fields,
                        _choice, _body, _syntax, _size, _flow, _deflate: the tables
    request, requests   the same for requests of a client; requests_fields, _syntax, _deflate: the
                        tables
    answering, asking   the server that plays answers, the client that plays requests
    trial               programs that are started to be played to
    outcome             what has come against what had to come, in one line
"""
