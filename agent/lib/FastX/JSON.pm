package FastX::JSON;

# RFC 8259, both ways, because perl-base has no JSON::PP.
#
#   my ($value, $error) = FastX::JSON::decode($bytes);   # never dies
#   my $bytes = FastX::JSON::encode($value);
#   my $end = FastX::JSON::end_within($text, $limit_bytes);
#
# In Perl a JSON string is a string of characters, null is undef, true and
# false are 1 and 0; \1 and \0 encode as true and false. A scalar that was last
# used as a number is encoded as one.

use strict;
use warnings;

use constant DEEPEST_NESTING => 64;

my %ESCAPE = ('"' => '\\"', '\\' => '\\\\', "\n" => '\\n', "\r" => '\\r', "\t" => '\\t');
my %UNESCAPE = ('"' => '"', '\\' => '\\', '/' => '/', b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");

my $UTF8_CHARACTER = qr/
      [\x00-\x7f]          | [\xc2-\xdf][\x80-\xbf]
    | \xe0[\xa0-\xbf][\x80-\xbf] | [\xe1-\xec\xee\xef][\x80-\xbf]{2} | \xed[\x80-\x9f][\x80-\xbf]
    | \xf0[\x90-\xbf][\x80-\xbf]{2} | [\xf1-\xf3][\x80-\xbf]{3} | \xf4[\x80-\x8f][\x80-\xbf]{2}
/x;

# Bytes of unknown origin (a program's output) as characters: what is not
# UTF-8 becomes U+FFFD.
sub text_from_bytes {
    my ($bytes) = @_;
    my $text = '';
    while ($bytes =~ /\G(?:((?:$UTF8_CHARACTER){1,1000})|.)/gcs) {
        $text .= defined $1 ? $1 : "\xef\xbf\xbd";
    }
    utf8::decode($text);
    return $text;
}

sub encode {
    my ($value) = @_;
    my $text = _encode($value);
    utf8::encode($text);
    return $text;
}

# The end of a text that takes so many bytes at most when it is encoded.
sub end_within {
    my ($text, $limit_bytes) = @_;
    while ((my $excess = length(encode($text)) - $limit_bytes) > 0) {
        # No character takes more than six.
        substr $text, 0, int($excess / 6) + 1, '';
    }
    return $text;
}

sub _encode {
    my ($value) = @_;
    return 'null' if !defined $value;
    if (my $kind = ref $value) {
        return '[' . join(',', map { _encode($_) } @$value) . ']' if $kind eq 'ARRAY';
        return '{' . join(',', map { _string($_) . ':' . _encode($value->{$_}) } sort keys %$value) . '}'
            if $kind eq 'HASH';
        return $$value ? 'true' : 'false' if $kind eq 'SCALAR';
        die "a $kind has no form in JSON\n";
    }
    # On strings ^ works character by character, on numbers it is arithmetic.
    return "$value" if !utf8::is_utf8($value) && ($value ^ $value) eq '0' && $value =~ /^-?[0-9.]+(?:e[-+]?[0-9]+)?$/;
    return _string($value);
}

sub _string {
    my ($text) = @_;
    $text =~ s/([\x{d800}-\x{dfff}]|[^\x{0}-\x{10ffff}])/\x{fffd}/g;
    $text =~ s/(["\\\x00-\x1f\x7f])/$ESCAPE{$1} || sprintf '\\u%04x', ord $1/ge;
    return qq("$text");
}

sub decode {
    my ($bytes) = @_;
    return (undef, 'nothing to decode') if !defined $bytes;
    my $text = $bytes;
    return (undef, 'not UTF-8') if !utf8::decode($text)
        || $text =~ /[\x{d800}-\x{dfff}]|[^\x{0}-\x{10ffff}]/;
    my $value = eval {
        my $decoded = _value(\$text, 0);
        $text =~ /\G[ \t\r\n]*/gc;
        _wrong(\$text, 'something follows the value') if pos($text) < length $text;
        $decoded;
    };
    return ($value, undef) if !$@;
    chomp(my $error = $@);
    return (undef, $error);
}

sub _wrong {
    my ($text, $what) = @_;
    die "$what at character " . (pos($$text) || 0) . "\n";
}

sub _value {
    my ($text, $depth) = @_;
    _wrong($text, 'nested too deeply') if $depth > DEEPEST_NESTING;
    $$text =~ /\G[ \t\r\n]*/gc;
    return _read_string($text) if $$text =~ /\G"/gc;
    return _read_object($text, $depth) if $$text =~ /\G\{/gc;
    return _read_array($text, $depth) if $$text =~ /\G\[/gc;
    return 0 + $1 if $$text =~ /\G(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/gc;
    if ($$text =~ /\G(true|false|null)\b/gc) {
        return $1 eq 'true' ? 1 : $1 eq 'false' ? 0 : undef;
    }
    return _wrong($text, 'no value');
}

sub _read_object {
    my ($text, $depth) = @_;
    my %object;
    return \%object if $$text =~ /\G[ \t\r\n]*\}/gc;
    while (1) {
        $$text =~ /\G[ \t\r\n]*"/gc or _wrong($text, 'no name of a member');
        my $name = _read_string($text);
        $$text =~ /\G[ \t\r\n]*:/gc or _wrong($text, 'no colon');
        $object{$name} = _value($text, $depth + 1);
        next if $$text =~ /\G[ \t\r\n]*,/gc;
        return \%object if $$text =~ /\G[ \t\r\n]*\}/gc;
        _wrong($text, 'object does not end');
    }
}

sub _read_array {
    my ($text, $depth) = @_;
    my @array;
    return \@array if $$text =~ /\G[ \t\r\n]*\]/gc;
    while (1) {
        push @array, _value($text, $depth + 1);
        next if $$text =~ /\G[ \t\r\n]*,/gc;
        return \@array if $$text =~ /\G[ \t\r\n]*\]/gc;
        _wrong($text, 'array does not end');
    }
}

sub _read_string {
    my ($text) = @_;
    my $string = '';
    while (1) {
        if ($$text =~ /\G([^"\\\x00-\x1f]+)/gc) { $string .= $1 }
        elsif ($$text =~ /\G"/gc) { return $string }
        elsif ($$text =~ m{\G\\(["\\/bfnrt])}gc) { $string .= $UNESCAPE{$1} }
        elsif ($$text =~ /\G\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/gc) {
            $string .= chr(0x10000 + ((hex($1) - 0xd800) << 10) + hex($2) - 0xdc00);
        }
        elsif ($$text =~ /\G\\u(?![dD][89a-fA-F])([0-9a-fA-F]{4})/gc) { $string .= chr hex $1 }
        else { _wrong($text, 'string is malformed') }
    }
}

1;
