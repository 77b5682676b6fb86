<?php
// show prints a PHP value so that types, order and bytes can be compared.
function show($v): string
{
    switch (gettype($v)) {
        case 'NULL': return 'n';
        case 'boolean': return $v ? 'true' : 'false';
        case 'integer': return 'i' . $v;
        case 'double': return 'd' . bin2hex(pack('E', $v));
        case 'string': return 's' . base64_encode($v);
    }
    $out = [];
    foreach ($v as $key => $element) {
        $out[] = (is_int($key) ? 'i' . $key : 's' . base64_encode($key)) . '=' . show($element);
    }
    return '(' . implode(',', $out) . ')';
}
