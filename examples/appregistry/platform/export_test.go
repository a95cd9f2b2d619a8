package platform

// CheckAddress is what a delivery's dialer asks of each address.
var CheckAddress = checkAddress
