"""Messages of one parcel in China's cross-border e-commerce, as their four senders would write them."""

from __future__ import annotations

BUYER = "110101199003070011"
ANOTHER_BUYER = "110101199003078493"

PARCEL = {
    "orderNo": "O-2026-1", "ebpCode": "4401960A01", "ebpName": "示例平台", "ebcCode": "4401960A02", "ebcName": "示例商店",
    "logisticsNo": "L-77", "logisticsCode": "4401960A03", "logisticsName": "示例物流", "billNo": "B-5",
    "payTransactionId": "P-9", "payCode": "4401960A04", "payName": "示例支付", "buyerIdNumber": BUYER,
    "buyerName": "李小宝", "buyerTelephone": "13000000000", "consignee": "李小宝", "consigneeTelephone": "13000000000",
    "consigneeAddress": "北京市海淀区某路1号", "freight": "20", "insuredFee": "0", "weight": "0.8", "packNo": "1",
    "goodsValue": "300", "discount": "0", "taxTotal": "29.12", "acturalPaid": "349.12", "amountPaid": "349.12",
    "qty": "2", "price": "150", "totalPrice": "300", "unit": "007", "currency": "142", "country": "307", "appType": "1",
    "itemNo": "AF-1", "itemName": "Wool scarf, woven", "gname": "Wool scarf, woven", "gcode": "6214200010",
    "copNo": "COP-2026-1", "payerIdNumber": BUYER, "payerName": "李小宝", "assureCode": "4401960A01",
}  # fmt: skip

TRANSFER = (
    "<ceb:BaseTransfer><ceb:copCode>4401960A03</ceb:copCode><ceb:copName>示例</ceb:copName><ceb:dxpMode>DXP</ceb:dxpMode>"
    "<ceb:dxpId>DXPTEST000000001</ceb:dxpId></ceb:BaseTransfer>"
)
_GUID = "5F0A1B2C-3D4E-5F60-8171-92A3B4C5D6E7"
_HEAD = "guid appType appTime appStatus"
# The elements of each message: of its head, then of a line.
FIELDS = {
    "311": (
        "Order",
        f"{_HEAD} orderType=I orderNo ebpCode ebpName ebcCode ebcName goodsValue freight discount taxTotal acturalPaid"
        " currency buyerRegNo=R-1 buyerName buyerTelephone buyerIdType=1 buyerIdNumber payCode payName payTransactionId"
        " consignee consigneeTelephone consigneeAddress note",
        "gnum=1 itemNo itemName gmodel=90x90cm barCode=无 unit qty price totalPrice currency country",
    ),
    "411": (
        "Payment",
        f"{_HEAD} payCode payName payTransactionId orderNo ebpCode ebpName payerIdType=1 payerIdNumber payerName"
        " amountPaid currency payTime=20260614090000",
        "",
    ),
    "511": (
        "Logistics",
        f"{_HEAD} logisticsCode logisticsName logisticsNo billNo orderNo freight insuredFee currency weight packNo"
        " goodsInfo=scarf consignee consigneeAddress consigneeTelephone",
        "",
    ),
    "621": (
        "Inventory",
        f"{_HEAD} orderNo ebpCode ebpName ebcCode ebcName logisticsNo logisticsCode logisticsName copNo assureCode"
        " ieFlag=I declTime=20260615 customsCode=3700 portCode=3700 ieDate=20260615 buyerIdType=1 buyerIdNumber buyerName"
        " buyerTelephone consigneeAddress agentCode=4401960A05 agentName=示例报关 tradeMode=9610 trafMode=5 trafNo=MU554"
        " voyageNo=MU554 billNo country freight insuredFee currency packNo grossWeight=0.8 netWeight=0.7",
        "gnum=1 itemNo gcode gname gmodel=90x90cm barCode=无 country currency qty unit qty1=0.7 unit1=035 price totalPrice",
    ),
    "623": (
        "InvtCancel",
        f"{_HEAD} customsCode=3700 orderNo ebpCode ebpName ebcCode ebcName logisticsNo logisticsCode logisticsName copNo"
        " invtNo buyerIdType=1 buyerIdNumber buyerName buyerTelephone agentCode=4401960A05 agentName=示例报关"
        " reason=订单取消",
        "",
    ),
}
_HEADLESS = ("623",)  # whose elements stand in the record itself
SIGNATURE = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyInfo/></ds:Signature>'


def message(number: str, *parcels: dict[str, str], tail: str = TRANSFER) -> bytes:
    """A CEBnnnMessage with one record for each parcel, whose values are those of PARCEL but for what it names."""
    name, head, line = FIELDS[number]
    records = []
    for parcel in parcels or ({},):
        values = {**PARCEL, "guid": _GUID, "appTime": "20260615103000", "appStatus": "2", "note": "", **parcel}
        parts = [(f"{name}Head", head)] + ([(f"{name}List", line)] if line else [])
        inner = "".join(f"<ceb:{part}>{_elements(fields, values)}</ceb:{part}>" for part, fields in parts)
        if number in _HEADLESS:
            inner = _elements(head, values)
        records.append(f"<ceb:{name}>{inner}</ceb:{name}>")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ceb:CEB{number}Message xmlns:ceb="http://www.chinaport.gov.cn/ceb"'
        f' guid="{_GUID}" version="1.0">{"".join(records)}{tail}</ceb:CEB{number}Message>'
    ).encode()


def _elements(fields: str, values: dict[str, str]) -> str:
    texts = []
    for field in fields.split():
        name, _, text = field.partition("=")
        texts.append(f"<ceb:{name}>{values.get(name, text)}</ceb:{name}>")
    return "".join(texts)
