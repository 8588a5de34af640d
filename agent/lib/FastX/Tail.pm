package FastX::Tail;

# The last bytes of a stream that may be endless.

use strict;
use warnings;

use FastX::JSON;

sub new {
    my ($class, $limit_bytes) = @_;
    return bless { limit => $limit_bytes, kept => '' }, $class;
}

sub append {
    my ($self, $bytes) = @_;
    $self->{kept} .= $bytes;
    # Cut rarely: moving a few kilobytes for every short line adds up.
    $self->_cut($self->{limit}) if length $self->{kept} > 2 * $self->{limit} + 4096;
    return;
}

sub bytes {
    my ($self) = @_;
    $self->_cut($self->{limit});
    return $self->{kept};
}

# As characters; a sequence that the cut went through is left out.
sub text {
    my ($self) = @_;
    my $whole = length $self->{kept} <= $self->{limit};
    my $bytes = $self->bytes;
    $bytes =~ s/^[\x80-\xbf]{1,3}// if !$whole;
    return FastX::JSON::text_from_bytes($bytes);
}

sub last_lines {
    my ($self, $count) = @_;
    my @lines = grep { /\S/ } split /\n/, $self->text;
    splice @lines, 0, @lines - $count if @lines > $count;
    return @lines;
}

sub _cut {
    my ($self, $length) = @_;
    my $excess = length($self->{kept}) - $length;
    substr($self->{kept}, 0, $excess, '') if $excess > 0;
    return;
}

1;
